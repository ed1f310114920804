// SPDX-License-Identifier: GPL-2.0
/*
 * return.bpf.c - frames of the UMEM -> native XDP frames of an output port.
 *
 * Run by a worker with BPF_PROG_TEST_RUN and BPF_F_TEST_XDP_LIVE_FRAMES: each
 * call takes the next descriptor of the worker's burst, copies the bytes out of
 * the UMEM (a BPF array, one element a frame) and redirects them to the output
 * port, or passes them to the kernel stack as if they had just arrived. One
 * copy of the program, with its own burst, is loaded for each worker.
 *
 * The worker may lose its CPU between any two packets of the burst. So each is
 * asked here, where that cannot happen, whether it still is in time.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "return.h"

/* Verifier: the last place to start at and len_max stay inside one frame. */
const volatile __u32 len_max = 2048 - FULCRUM_RETURN_OFF_MIN - FULCRUM_RETURN_OFF_SPAN;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);                 /* value size, entries: set at load */
	__uint(key_size, 4);
	__uint(value_size, 2048);
} umem SEC(".maps");

struct fulcrum_return_burst burst SEC(".data.burst");

static __always_inline void rewrite_l2(struct xdp_md *ctx, const struct fulcrum_return_desc *d)
{
	__u8 *eth = (void *)(long)ctx->data;

	if (eth + 14 > (__u8 *)(long)ctx->data_end)
		return;
	if (d->l2_valid & 1)
		__builtin_memcpy(eth, d->l2, 6);
	if (d->l2_valid & 2)
		__builtin_memcpy(eth + 6, d->l2 + 6, 6);
}

static __always_inline bool is_late(const struct fulcrum_return_desc *d)
{
	return d->timed && bpf_ktime_get_coarse_ns() > burst.deadline_ns;
}

SEC("xdp") int fulcrum_return(struct xdp_md *ctx)
{
	struct fulcrum_return_desc *d = &burst.desc[burst.next & (FULCRUM_RETURN_BURST - 1)];
	long have = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	__u32 frame = d->frame, len = d->len;
	__u32 off = FULCRUM_RETURN_OFF_MIN + (d->off & (FULCRUM_RETURN_OFF_SPAN - 1));
	__u8 *bytes;

	burst.next++;
	if (is_late(d)) {
		burst.late++;
		return XDP_DROP;
	}
	bytes = bpf_map_lookup_elem(&umem, &frame);
	if (!bytes || len < 14 || len > len_max)
		goto bad;
	if (len != have && bpf_xdp_adjust_tail(ctx, (int)len - (int)have))
		goto bad;
	if (bpf_xdp_store_bytes(ctx, 0, bytes + off, len))
		goto bad;
	if (d->l2_valid)
		rewrite_l2(ctx, d);
	return d->ifindex ? bpf_redirect(d->ifindex, 0) : XDP_PASS;
bad:
	burst.bad++;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
