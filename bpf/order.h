/* SPDX-License-Identifier: GPL-2.0 */
/*
 * order.h - what keeps a bucket's packets in order while the bucket moves.
 *
 *  ring A -> ring B      fence: the worker holds the packets on B until A is
 *                        retired past the last one sent there; until then the
 *                        bucket stays on B
 *  ring -> inline, PASS  no one can hold a packet there, so the bucket stays on
 *                        its ring until that ran empty of it; after
 *                        MOVE_DRAIN_MS its packets are dropped until then
 *
 * It stays because the fenced packets may be lost on the way to B: then B is
 * retired past them early, and a fence on B would not cover what A still holds.
 * For the same reason one fence is enough.
 * Context: the queue's NAPI, sole writer of fulcrum_order.
 */
#ifndef FULCRUM_ORDER_H
#define FULCRUM_ORDER_H

#include "visit.h"

#define MOVE_DRAIN_MS 20
#define NS_PER_MS 1000000ull

static __always_inline bool tier_has_ring(__u8 tier)
{
	return tier >= FULCRUM_TIER_CPU;
}

/* Ring of a tier that has one; the mask is for the verifier. */
static __always_inline __u32 ring_of(__u8 tier)
{
	return (tier - FULCRUM_TIER_CPU) & (FULCRUM_RINGS - 1);
}

/* Whether place `pos` is between retired and sent. Asked this way and not by a
 * sign, a bucket that slept for 2^31 packets does not look busy. */
static __always_inline bool is_in_ring(const struct visit *v, __u8 tier, __u32 pos)
{
	__u32 ring = ring_of(tier), retired = v->beat->retired[ring];

	return pos - retired < v->order->sent[ring] - retired;
}

/* Whether the bucket still waits for the ring it was on before its ring. */
static __always_inline bool is_fenced(const struct visit *v)
{
	const struct fulcrum_order_bucket *f = v->flow;

	return f && f->fence_tier && is_in_ring(v, f->fence_tier, f->fence_pos - 1);
}

/* Whether packets of the bucket may still be in a ring. */
static __always_inline bool is_pending(const struct visit *v)
{
	const struct fulcrum_order_bucket *f = v->flow;

	return f && tier_has_ring(f->tier) && (is_in_ring(v, f->tier, f->last_pos) || is_fenced(v));
}

static __always_inline bool is_stale(const struct visit *v)
{
	__u64 beat_ns = v->beat->beat_ns;
	__s64 age_ns = bpf_ktime_get_coarse_ns() - beat_ns;

	/* The coarse clock lags: a fresh beat may seem to lie ahead. */
	return !beat_ns || age_ns > (__s64)(v->port->beat_limit_ms * NS_PER_MS);
}

/* What a packet for `tier` has to wait for, into v->fence_*. */
static __always_inline void find_fence(struct visit *v, __u8 tier)
{
	struct fulcrum_order_bucket *f = v->flow;

	if (!f)
		return;
	if (f->tier != tier) {
		if (!is_pending(v))
			return;
		v->fence_tier = f->tier;
		v->fence_pos = f->last_pos + 1;
	} else if (is_fenced(v)) {
		v->fence_tier = f->fence_tier;
		v->fence_pos = f->fence_pos;
	}
}

/* The packet went to `tier`'s ring as number `pos`. */
static __always_inline void order_sent(struct visit *v, __u8 tier, __u32 pos)
{
	struct fulcrum_order_bucket *f = v->flow;

	v->order->sent[ring_of(tier)] = pos + 1;
	if (!f)
		return;
	f->tier = tier;
	f->last_pos = pos;
	f->fence_tier = v->fence_tier;
	f->fence_pos = v->fence_pos;
}

/* The bucket is on no ring now: nothing to wait for. */
static __always_inline void order_settle(struct visit *v, __u8 tier)
{
	struct fulcrum_order_bucket *f = v->flow;

	if (!f)
		return;
	f->tier = tier;
	f->fence_tier = 0;
	f->move_ms = 0;
}

/* Whether a move off its ring has waited too long; starts the clock. */
static __always_inline bool drain_is_late(struct visit *v)
{
	__u16 now_ms = bpf_ktime_get_coarse_ns() / NS_PER_MS | 1;       /* 0: no move */

	if (!v->flow->move_ms)
		v->flow->move_ms = now_ms;
	return (__u16)(now_ms - v->flow->move_ms) > MOVE_DRAIN_MS;
}

#endif
