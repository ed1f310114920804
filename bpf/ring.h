/* SPDX-License-Identifier: GPL-2.0 */
/* ring.h - packet -> its tier's AF_XDP socket, or what the port does instead. */
#ifndef FULCRUM_RING_H
#define FULCRUM_RING_H

#include "meta.h"
#include "order.h"

/* The port's answer to "the helper cannot take it", counted by cause. The bucket
 * is off the rings by it: what a dead or closed ring held is lost anyway. */
static __always_inline enum way apply_policy(struct visit *v, __u64 *pass, __u64 *drop, __u64 *inline_)
{
	switch (v->port->on_loss) {
	case FULCRUM_LOSS_DROP:
		order_settle(v, FULCRUM_TIER_PASS);
		return drop_counted(drop);
	case FULCRUM_LOSS_INLINE:
		order_settle(v, FULCRUM_TIER_INLINE);
		return inline_counted(inline_);
	default:
		order_settle(v, FULCRUM_TIER_PASS);
		return pass_counted(pass);
	}
}

static __always_inline enum way lose_stale(struct visit *v)
{
	struct fulcrum_queue *q = v->queue;

	return apply_policy(v, &q->pass_helper_stale, &q->drop_helper_stale, &q->inline_helper_stale);
}

/* A living helper will still send what its rings hold of this bucket: letting a
 * packet past would reorder the flow, so it is dropped. */
static __always_inline enum way lose_credit(struct visit *v)
{
	struct fulcrum_queue *q = v->queue;

	if (is_pending(v))
		return drop_counted(&q->drop_no_credit);
	return apply_policy(v, &q->pass_no_credit, &q->drop_no_credit, &q->inline_no_credit);
}

static __always_inline enum way lose_socket(struct visit *v, __u8 tier)
{
	struct fulcrum_queue *q = v->queue;

	if (v->fence_tier && v->fence_tier != tier)     /* pending on a ring that lives     */
		return drop_counted(&q->drop_no_socket);
	return apply_policy(v, &q->pass_no_socket, &q->drop_no_socket, &q->inline_no_socket);
}

static __always_inline bool has_credit(const struct visit *v, __u32 ring)
{
	return (__s32)(v->beat->limit[ring] - v->order->sent[ring]) > 0;
}

static __always_inline bool redirect(struct visit *v, __u32 ring)
{
	__u32 place = v->queue->slot * FULCRUM_RINGS + ring;

	if (!meta_write(v, v->order->sent[ring]))
		return false;
	if (bpf_redirect_map(&fu1_xsk, place, 0) == XDP_REDIRECT)
		return true;
	meta_remove(v->ctx);
	return false;
}

static __always_inline void count_ring(struct visit *v, __u32 ring)
{
	v->queue->ring_packets[ring]++;
	v->queue->ring_bytes[ring] += v->bytes;
	if (v->fence_tier)
		v->queue->fenced_packets++;
}

static __always_inline enum way to_ring(struct visit *v, __u8 tier)
{
	__u32 ring = ring_of(tier);

	if (is_stale(v))
		return lose_stale(v);
	if (!has_credit(v, ring))
		return lose_credit(v);
	find_fence(v, tier);
	if (!redirect(v, ring))
		return lose_socket(v, tier);
	count_ring(v, ring);
	order_sent(v, tier, v->order->sent[ring]);
	return WAY_RING;
}

#endif
