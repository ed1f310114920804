/* SPDX-License-Identifier: GPL-2.0 */
/* meta.h - visit -> struct fulcrum_meta right before the frame, and away again. */
#ifndef FULCRUM_META_H
#define FULCRUM_META_H

#include "visit.h"

static __always_inline void meta_fill(const struct visit *v, __u32 pos, struct fulcrum_meta *m)
{
	m->rx_ns = pos & v->port->stamp_mask ? 0 : bpf_ktime_get_ns();
	m->hash = v->packet.hash;
	m->pos = pos;
	m->fence_pos = v->fence_pos;
	m->l3_off = v->packet.l3_off;
	m->l4_off = v->packet.l4_off;
	m->proto = v->packet.proto;
	m->bucket = v->bucket;
	m->flags = v->packet.flags;
	m->fence_ring = 0;
	if (v->fence_tier) {
		m->flags |= FULCRUM_META_FENCE;
		m->fence_ring = FULCRUM_TIER_RING(v->fence_tier);
	}
	m->payload_off = v->packet.payload_off;
	m->abi = FULCRUM_ABI;
}

static __always_inline void meta_remove(struct xdp_md *ctx)
{
	bpf_xdp_adjust_meta(ctx, (int)(ctx->data - ctx->data_meta));
}

/* False: the driver gives no room for it. Hints that a driver left there go. */
static __always_inline bool meta_write(const struct visit *v, __u32 pos)
{
	struct xdp_md *ctx = v->ctx;
	struct fulcrum_meta *m;

	if (ctx->data_meta != ctx->data)
		meta_remove(ctx);
	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*m)))
		return false;
	m = (void *)(long)ctx->data_meta;
	if ((void *)(m + 1) > (void *)(long)ctx->data)
		return false;
	meta_fill(v, pos, m);
	return true;
}

#endif
