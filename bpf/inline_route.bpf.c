// SPDX-License-Identifier: GPL-2.0
/*
 * inline_route.bpf.c - the inline tier of a router: frame -> out port or kernel.
 *
 * CheckIPHeader -> IPLookup(FIB kernel) -> DecIPTTL -> ToPort and their IPv6
 * sisters, as one program; which of them, and where refused packets go, is in
 * `plan`. A packet that goes to the kernel is not touched.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "check.h"
#include "fulcrum_inline.h"
#include "inline.h"

#define AF_INET 2
#define AF_INET6 10
#define FLOWINFO_MASK bpf_htonl(0x0fffffff)

const volatile struct fulcrum_inline_plan plan = {
	.ip4 = 1,
	.ip6 = 1,
	.check4 = 1,
	.check6 = 1,
	.bad4 = FULCRUM_VERDICT_DROP,
	.bad6 = FULCRUM_VERDICT_DROP,
	.no_route4 = FULCRUM_VERDICT_KERNEL,
	.no_route6 = FULCRUM_VERDICT_KERNEL,
	.expired4 = FULCRUM_VERDICT_KERNEL,
	.expired6 = FULCRUM_VERDICT_KERNEL,
};

static __always_inline bool is_port(__u32 ifindex)
{
	int i;

	if (!plan.out_ifindex[0])
		return bpf_map_lookup_elem(&fu1_port, &ifindex);
	for (i = 0; i < FULCRUM_INLINE_OUT && plan.out_ifindex[i]; i++)
		if (plan.out_ifindex[i] == ifindex)
			return true;
	return false;
}

/* Route and neighbour are there, and the way out is a port of ours. */
static __always_inline bool is_routed(struct xdp_md *ctx, struct bpf_fib_lookup *fib)
{
	fib->ifindex = ctx->ingress_ifindex;
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0) == BPF_FIB_LKUP_RET_SUCCESS && is_port(fib->ifindex);
}

/* RFC 1624, in the form of the kernel's ip_decrease_ttl(): same bits. */
static __always_inline void decrease_ttl(struct iphdr *ip)
{
	__u32 check = ip->check;

	check += bpf_htons(0x0100);
	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
}

static __always_inline int send_out(struct inline_visit *v, struct ethhdr *eth, const struct bpf_fib_lookup *fib)
{
	__builtin_memcpy(eth->h_dest, fib->dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, fib->smac, ETH_ALEN);
	return inline_transmit(v, fib->ifindex);
}

static __always_inline int route4(struct xdp_md *ctx, struct inline_visit *v, struct ethhdr *eth, void *end)
{
	struct iphdr *ip = (void *)(eth + 1);
	struct bpf_fib_lookup fib = { .family = AF_INET };

	if (!plan.ip4 || (void *)(ip + 1) > end || (plan.check4 && !is_good4(ip, end)))
		return inline_verdict(v, plan.bad4);
	fib.tos = ip->tos;
	fib.l4_protocol = ip->protocol;
	fib.tot_len = bpf_ntohs(ip->tot_len);
	fib.ipv4_src = ip->saddr;
	fib.ipv4_dst = ip->daddr;
	if (!is_routed(ctx, &fib))
		return inline_verdict(v, plan.no_route4);
	if (ip->ttl <= 1)
		return inline_verdict(v, plan.expired4);
	decrease_ttl(ip);
	return send_out(v, eth, &fib);
}

static __always_inline int route6(struct xdp_md *ctx, struct inline_visit *v, struct ethhdr *eth, void *end)
{
	struct ipv6hdr *ip = (void *)(eth + 1);
	struct bpf_fib_lookup fib = { .family = AF_INET6 };
	__u32 bytes;

	if (!plan.ip6 || (void *)(ip + 1) > end || (plan.check6 && !is_good6(ip, end)))
		return inline_verdict(v, plan.bad6);
	bytes = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	fib.flowinfo = *(__be32 *)ip & FLOWINFO_MASK;
	fib.l4_protocol = ip->nexthdr;
	fib.tot_len = bytes > 0xffff ? 0xffff : bytes;
	__builtin_memcpy(fib.ipv6_src, &ip->saddr, sizeof(fib.ipv6_src));
	__builtin_memcpy(fib.ipv6_dst, &ip->daddr, sizeof(fib.ipv6_dst));
	if (!is_routed(ctx, &fib))
		return inline_verdict(v, plan.no_route6);
	if (ip->hop_limit <= 1)
		return inline_verdict(v, plan.expired6);
	ip->hop_limit--;
	return send_out(v, eth, &fib);
}

SEC("xdp")
int fulcrum_inline_route(struct xdp_md *ctx)
{
	struct inline_visit v = inline_enter(ctx);
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (!v.queue)
		return XDP_PASS;
	if ((void *)(eth + 1) > end)
		return inline_verdict(&v, FULCRUM_VERDICT_KERNEL);
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return route4(ctx, &v, eth, end);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return route6(ctx, &v, eth, end);
	return inline_verdict(&v, FULCRUM_VERDICT_KERNEL);      /* tagged */
}

char LICENSE[] SEC("license") = "GPL";
