/* SPDX-License-Identifier: GPL-2.0 */
/*
 * check.h - CheckIPHeader and CheckIP6Header in BPF: same answer as the elements.
 *
 * RFC 1812 5.2.2 (version, lengths, checksum) and 5.3.7 (sources that no host has).
 */
#ifndef FULCRUM_CHECK_H
#define FULCRUM_CHECK_H

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP4_WORDS_MAX 15
#define IP4_WORDS_PLAIN 5

/* Sum of the header's words from `first` to `ihl`; 10 more at most, bounded for
 * the verifier. */
static __always_inline __u64 sum_options(const struct iphdr *ip, const void *end)
{
	const __u32 *word = (const __u32 *)ip;
	__u64 sum = 0;
	__u32 i;

	for (i = IP4_WORDS_PLAIN; i < IP4_WORDS_MAX && i < ip->ihl; i++)
		if ((const void *)(word + i + 1) <= end)
			sum += word[i];
	return sum;
}

static __always_inline bool sums_up4(const struct iphdr *ip, const void *end)
{
	const __u32 *word = (const __u32 *)ip;
	__u64 sum = (__u64)word[0] + word[1] + word[2] + word[3] + word[4];

	if (ip->ihl > IP4_WORDS_PLAIN)
		sum += sum_options(ip, end);
	sum = (sum >> 32) + (__u32)sum;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return sum == 0xffff;
}

static __always_inline bool is_good4(const struct iphdr *ip, const void *end)
{
	__u32 total_bytes = bpf_ntohs(ip->tot_len), present_bytes = end - (const void *)ip;

	if (ip->version != 4 || ip->ihl < IP4_WORDS_PLAIN)
		return false;
	if (total_bytes < ip->ihl * 4u || total_bytes > present_bytes)
		return false;
	if (ip->saddr == 0xffffffff || (ip->saddr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000))
		return false;
	return sums_up4(ip, end);
}

static __always_inline bool is_good6(const struct ipv6hdr *ip, const void *end)
{
	__u32 present_bytes = end - (const void *)ip;

	return ip->version == 6 && bpf_ntohs(ip->payload_len) + sizeof(*ip) <= present_bytes &&
	       ip->saddr.s6_addr[0] != 0xff;
}

#endif
