// SPDX-License-Identifier: GPL-2.0
/* bare.bpf.c - the kernel half of the bare forwarder: into the socket, out as live frames. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include "bare.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

struct bare_burst burst SEC(".data.burst");

SEC("xdp") int way_in(struct xdp_md *ctx)
{
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

/* One call a packet, by BPF_PROG_TEST_RUN with live frames. */
SEC("xdp") int way_back(struct xdp_md *ctx)
{
	__u32 i = burst.next++ & (BARE_BURST - 1);
	long have = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	__u32 len = burst.packet[i].len_bytes;

	if (len < ETH_HLEN || len > BARE_PACKET_BYTES)
		return XDP_DROP;
	if (len != have && bpf_xdp_adjust_tail(ctx, (int)(len - have)))
		return XDP_DROP;
	if (bpf_xdp_store_bytes(ctx, 0, burst.packet[i].bytes, len))
		return XDP_DROP;
	return bpf_redirect(burst.out_ifindex, 0);
}

char _license[] SEC("license") = "GPL";
