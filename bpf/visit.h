/* SPDX-License-Identifier: GPL-2.0 */
/*
 * visit.h - one packet's stay in the front-end: what is known of it, what next.
 *
 * Each stage takes the visit and returns a way; WAY_ON hands over to the next
 * stage. Whoever returns another way has counted the packet, once, by name.
 */
#ifndef FULCRUM_VISIT_H
#define FULCRUM_VISIT_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "fulcrum.h"
#include "fulcrum_parse.h"
#include "maps.h"

enum way {
	WAY_ON = 0,
	WAY_PASS,
	WAY_DROP,
	WAY_INLINE,
	WAY_RING,
};

struct visit {
	struct xdp_md *ctx;
	struct fulcrum_port *port;
	struct fulcrum_queue *queue;
	const volatile struct fulcrum_beat *beat;       /* changes while we look    */
	struct fulcrum_order *order;
	struct fulcrum_order_bucket *flow;              /* null: ordering none      */
	struct fulcrum_parsed packet;
	__u32 bytes;
	__u32 bucket;
	__u32 fence_pos;
	__u8 fence_tier;                                /* 0: no fence              */
};

static __always_inline enum way pass_counted(__u64 *counter)
{
	(*counter)++;
	return WAY_PASS;
}

static __always_inline enum way drop_counted(__u64 *counter)
{
	(*counter)++;
	return WAY_DROP;
}

static __always_inline enum way inline_counted(__u64 *counter)
{
	(*counter)++;
	return WAY_INLINE;
}

#endif
