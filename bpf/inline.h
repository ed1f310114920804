/* SPDX-License-Identifier: GPL-2.0 */
/*
 * inline.h - how an inline program is entered and left, for all of them.
 *
 * Two ways in, both by tail call from steer.bpf.c:
 *  - with struct fulcrum_meta before the frame: steer has counted the packet;
 *  - without: steer took its short cut for plain packets of a port that is all
 *    inline (plain.h). The program counts the arrival, in the one queue lookup
 *    that it needs anyway; that lookup is what the short cut saves.
 */
#ifndef FULCRUM_BPF_INLINE_H
#define FULCRUM_BPF_INLINE_H

#include "unknown.h"

struct inline_visit {
	struct fulcrum_queue *queue;    /* null: queue unknown, counted as such     */
	__u32 bytes;
};

static __always_inline void inline_count_arrival(struct inline_visit *v)
{
	if (!v->queue) {
		count_unknown_queue();
		return;
	}
	v->queue->rx_packets++;
	v->queue->rx_bytes += v->bytes;
	v->queue->inline_packets++;
}

/* To be called once, before packet pointers are taken. */
static __always_inline struct inline_visit inline_enter(struct xdp_md *ctx)
{
	struct fulcrum_queue_key key = { ctx->ingress_ifindex, ctx->rx_queue_index };
	struct inline_visit v = { bpf_map_lookup_elem(&fu1_queue, &key), ctx->data_end - ctx->data };

	if (ctx->data_meta == ctx->data)
		inline_count_arrival(&v);
	else
		bpf_xdp_adjust_meta(ctx, (int)(ctx->data - ctx->data_meta));
	return v;
}

/* Queue must be known, for these three. */
static __always_inline int inline_transmit(struct inline_visit *v, __u32 ifindex)
{
	v->queue->inline_tx++;
	v->queue->inline_tx_bytes += v->bytes;
	return bpf_redirect(ifindex, 0);
}

static __always_inline int inline_verdict(struct inline_visit *v, enum fulcrum_verdict verdict)
{
	if (verdict == FULCRUM_VERDICT_DROP) {
		v->queue->inline_drop++;
		return XDP_DROP;
	}
	v->queue->inline_pass++;
	return XDP_PASS;
}

#endif
