/* SPDX-License-Identifier: GPL-2.0 */
/*
 * plain.h - is this a packet that a port with one tier need not look at closely?
 *
 * Yes: untagged unicast IPv4 without options, or IPv6 without extension headers,
 * to no address of this machine. All else takes the long way, which knows.
 */
#ifndef FULCRUM_PLAIN_H
#define FULCRUM_PLAIN_H

#include <bpf/bpf_endian.h>

#include "visit.h"

static __always_inline bool may_be_local(const struct fulcrum_port *port, const struct fulcrum_addr *a)
{
	__u32 bit = fulcrum_local_hash(a) & (FULCRUM_LOCAL_BITS - 1);

	return port->local_bloom[bit / 64] >> (bit % 64) & 1;
}

static __always_inline bool is_plain4(const struct fulcrum_port *port, const __u8 *ip)
{
	struct fulcrum_addr dst = { { 0, 0, bpf_htonl(0xffff), *(const __u32 *)(ip + 16) } };

	return ip[0] == 0x45 && ip[16] < 224 && !fulcrum_is_kernels4(ip[16]) && !may_be_local(port, &dst);
}

static __always_inline bool is_plain6(const struct fulcrum_port *port, const __u8 *ip)
{
	const __u32 *word = (const __u32 *)(ip + 24);
	struct fulcrum_addr dst = { { word[0], word[1], word[2], word[3] } };
	__u8 next = ip[6];

	if (next != FULCRUM_PROTO_TCP && next != FULCRUM_PROTO_UDP && next != FULCRUM_PROTO_ICMP6 &&
	    next != FULCRUM_PROTO_ESP)
		return false;
	return ip[0] >> 4 == 6 && !fulcrum_is_kernels6(&dst) && !may_be_local(port, &dst);
}

static __always_inline bool is_plain(struct xdp_md *ctx, const struct fulcrum_port *port)
{
	const __u8 *eth = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const __u8 *ip = eth + FULCRUM_ETH_BYTES;
	__u16 type;

	if (ip + 20 > end || eth[0] & 1 || end - eth > port->frame_max_bytes)
		return false;
	type = *(const __u16 *)(eth + 12);
	if (type == bpf_htons(0x0800))
		return is_plain4(port, ip);
	return type == bpf_htons(0x86dd) && ip + 40 <= end && is_plain6(port, ip);
}

#endif
