// SPDX-License-Identifier: GPL-2.0
/*
 * steer.bpf.c - the front-end: every packet of a port -> kernel, inline, or a ring.
 *
 *   ip link set dev eth0 xdp obj steer.bpf.o sec xdp
 *
 * Decision order: port and queue claimed by a helper; frame length; class of
 * packet; own address; tier of the flow's bucket; health of the tier's ring.
 * A port whose buckets are all inline takes a short cut for plain packets: they
 * go to the inline program uncounted, and it counts them (inline.h).
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "plain.h"
#include "ring.h"
#include "tail.h"
#include "unknown.h"

/* Makes fu1_sock one of the program's maps: the helper can start from the
 * program attached to an interface and find all the others there. */
static __always_inline void own_sock_map(void)
{
	asm volatile("" : : "r"(&fu1_sock));
}

static __always_inline struct fulcrum_port *find_port(struct xdp_md *ctx)
{
	__u32 ifindex = ctx->ingress_ifindex;
	struct fulcrum_port *port = bpf_map_lookup_elem(&fu1_port, &ifindex);

	if (port && port->abi == FULCRUM_ABI)
		return port;
	own_sock_map();
	count_unknown_port();
	return 0;
}

static __always_inline enum way pass_unknown_queue(void)
{
	count_unknown_queue();
	return WAY_PASS;
}

static __always_inline enum way find_queue(struct visit *v)
{
	struct fulcrum_queue_key key = { v->ctx->ingress_ifindex, v->ctx->rx_queue_index };
	__u32 slot;

	v->queue = bpf_map_lookup_elem(&fu1_queue, &key);
	if (!v->queue)
		return pass_unknown_queue();
	slot = v->queue->slot;
	v->order = bpf_map_lookup_elem(&fu1_order, &slot);
	v->beat = bpf_map_lookup_elem(&fu1_beat, &slot);
	if (!v->order || !v->beat)
		return pass_unknown_queue();
	v->bytes = v->ctx->data_end - v->ctx->data;
	v->queue->rx_packets++;
	v->queue->rx_bytes += v->bytes;
	return WAY_ON;
}

static __always_inline bool is_local(const struct visit *v)
{
	return may_be_local(v->port, &v->packet.dst) && bpf_map_lookup_elem(&fu1_local, &v->packet.dst);
}

static __always_inline enum way classify(struct visit *v)
{
	struct fulcrum_queue *q = v->queue;

	if (v->bytes > v->port->frame_max_bytes)
		return pass_counted(&q->pass_too_long);
	switch (fulcrum_parse((void *)(long)v->ctx->data, (void *)(long)v->ctx->data_end, &v->packet)) {
	case FULCRUM_PKT_IP:
		return is_local(v) ? pass_counted(&q->pass_local) : WAY_ON;
	case FULCRUM_PKT_NOT_IP:
		return pass_counted(&q->pass_not_ip);
	case FULCRUM_PKT_MULTICAST:
		return pass_counted(&q->pass_multicast);
	default:
		return pass_counted(&q->pass_malformed);
	}
}

/* The tier of the packet's bucket; without ordering, buckets in turn. */
static __always_inline __u8 choose_tier(struct visit *v)
{
	bool keep_order = v->port->ordering == FULCRUM_ORDER_FLOW;
	__u32 bucket = (keep_order ? v->packet.hash : v->queue->rx_packets) % FULCRUM_BUCKETS;
	struct fulcrum_order_bucket *b = &v->order->bucket[bucket];

	v->bucket = bucket;
	v->flow = keep_order ? b : 0;
	b->packets++;
	return v->port->bucket[bucket];
}

/* By the split, to a tier without ring. */
static __always_inline enum way to_kernel(struct visit *v, __u8 tier)
{
	order_settle(v, tier);
	if (tier == FULCRUM_TIER_INLINE)
		return inline_counted(&v->queue->inline_packets);
	return pass_counted(&v->queue->pass_tier);
}

static __always_inline enum way split(struct visit *v)
{
	__u8 tier = choose_tier(v);

	if (tier_has_ring(tier)) {
		if (v->flow)
			v->flow->move_ms = 0;
		if (is_fenced(v))
			tier = v->flow->tier;
	} else if (is_pending(v) && !is_stale(v)) {
		if (drain_is_late(v))
			return drop_counted(&v->queue->drop_move_drain);
		tier = v->flow->tier;
	} else {
		return to_kernel(v, tier);
	}
	return to_ring(v, tier);
}

/* Metadata tells the inline program that the packet is counted. */
static __always_inline int call_inline(struct visit *v)
{
	if (meta_write(v, 0)) {
		tail_inline(v->ctx, v->port->inline_slot);
		meta_remove(v->ctx);
	}
	v->queue->inline_missing++;
	return XDP_PASS;
}

static __always_inline int leave(struct visit *v, enum way way)
{
	switch (way) {
	case WAY_INLINE:
		return call_inline(v);
	case WAY_RING:
		return XDP_REDIRECT;
	case WAY_DROP:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

static __always_inline int steer_by_flow(struct xdp_md *ctx, struct fulcrum_port *port)
{
	struct visit v = { .ctx = ctx, .port = port };

	return leave(&v, find_queue(&v) ?: classify(&v) ?: split(&v));
}

SEC("xdp")
int fulcrum_steer(struct xdp_md *ctx)
{
	struct fulcrum_port *port = find_port(ctx);

	if (!port)
		return XDP_PASS;
	if (port->all_inline && is_plain(ctx, port))
		tail_inline(ctx, port->inline_slot);
	return steer_by_flow(ctx, port);
}

char LICENSE[] SEC("license") = "GPL";
