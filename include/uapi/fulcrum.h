/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/*
 * fulcrum.h - what the XDP front-end, the helper and the tools share.
 *
 * Every map below is created by bpf/steer.bpf.o and pinned by iproute2 under
 * /sys/fs/bpf/tc/globals (xdp/globals is a link to it). One bpffs serves one
 * network namespace: maps are keyed by ifindex, and ifindexes repeat across
 * namespaces. The map names carry the ABI version, so that a program with
 * another layout gets its own maps instead of a refusal.
 *
 *  map         kind      key                    value               written by
 *  fu1_port    hash      u32 ifindex            fulcrum_port        helper
 *  fu1_queue   hash      fulcrum_queue_key      fulcrum_queue       XDP
 *  fu1_beat    array,mm  u32 slot               fulcrum_beat        helper
 *  fu1_order   array,mm  u32 slot               fulcrum_order       XDP
 *  fu1_local   hash      fulcrum_addr           u32 (1)             helper
 *  fu1_xsk     xskmap    slot * RINGS + ring    socket              helper
 *  fu1_sock    hash      fulcrum_sock_key       fulcrum_sock        helper
 *  fu1_inline  progarray u32 inline_slot        XDP program         helper
 *  fu1_global  percpu    u32 0                  fulcrum_global      XDP
 *
 * A slot is one RX queue of one port; slots are handed out by the helper, which
 * writes them into fulcrum_queue.slot. (mm: BPF_F_MMAPABLE)
 *
 * Units: times are CLOCK_MONOTONIC nanoseconds, ratios permille, lengths bytes.
 */
#ifndef FULCRUM_UAPI_H
#define FULCRUM_UAPI_H

#ifndef __BPF__
#include <linux/types.h>
#ifdef __cplusplus
#define FULCRUM_ASSERT(c, m) static_assert(c, m)
#else
#define FULCRUM_ASSERT(c, m) _Static_assert(c, m)
#endif
#else
#define FULCRUM_ASSERT(c, m) _Static_assert(c, m)
#endif

#define FULCRUM_ABI 1
#define FULCRUM_PIN_DIR "/sys/fs/bpf/tc/globals"

#define FULCRUM_BUCKETS 256             /* flow buckets per port                    */
#define FULCRUM_MAX_PORTS 64
#define FULCRUM_MAX_SLOTS 256           /* RX queues over all ports                 */
#define FULCRUM_RINGS 4                 /* AF_XDP sockets per queue: cpu, dev0..2   */
#define FULCRUM_LOCAL_BITS 1024         /* Bloom filter in front of fu1_local       */
#define FULCRUM_STAMP_MASK 15           /* one packet in 16 carries a receive time  */

/* Where a bucket's packets go. One byte in maps; bpftool prints the names. */
enum fulcrum_tier {
	FULCRUM_TIER_PASS = 0,          /* kernel stack, Fulcrum stays out          */
	FULCRUM_TIER_INLINE = 1,        /* BPF program by tail call                 */
	FULCRUM_TIER_CPU = 2,           /* ring 0                                   */
	FULCRUM_TIER_DEV0 = 3,          /* ring 1                                   */
	FULCRUM_TIER_DEV1 = 4,          /* ring 2                                   */
	FULCRUM_TIER_DEV2 = 5,          /* ring 3                                   */
	FULCRUM_TIERS = 6,
} __attribute__((packed));
#define FULCRUM_TIER_RING(tier) ((tier) - FULCRUM_TIER_CPU)     /* >= 0: has a ring */
#define FULCRUM_RING_TIER(ring) ((ring) + FULCRUM_TIER_CPU)

/* What happens to a packet when no helper can take it. */
enum fulcrum_on_loss {
	FULCRUM_LOSS_PASS = 0,
	FULCRUM_LOSS_DROP = 1,
	FULCRUM_LOSS_INLINE = 2,        /* PASS where fu1_inline has no program     */
} __attribute__((packed));

enum fulcrum_ordering {
	FULCRUM_ORDER_FLOW = 0,
	FULCRUM_ORDER_NONE = 1,
} __attribute__((packed));

enum fulcrum_verdict {
	FULCRUM_VERDICT_NONE = 0,
	FULCRUM_VERDICT_TX = 1,
	FULCRUM_VERDICT_DROP = 2,
	FULCRUM_VERDICT_KERNEL = 3,
} __attribute__((packed));

enum fulcrum_xsk_mode {
	FULCRUM_XSK_NONE = 0,
	FULCRUM_XSK_ZEROCOPY = 1,
	FULCRUM_XSK_COPY = 2,           /* native XDP, kernel copies into the UMEM  */
	FULCRUM_XSK_GENERIC = 3,        /* skb-mode XDP                             */
} __attribute__((packed));

/* fulcrum_meta.flags */
#define FULCRUM_META_IP4 0x01
#define FULCRUM_META_IP6 0x02
#define FULCRUM_META_FRAGMENT 0x04      /* any fragment; l4_off is 0 but for first  */
#define FULCRUM_META_VLAN 0x08          /* one tag or more before L3                */
#define FULCRUM_META_FENCE 0x10         /* hold until fence_ring is retired past    */
					/* fence_pos                                */

/* Written by XDP right before the frame (bpf_xdp_adjust_meta), read by the helper. */
struct fulcrum_meta {
	__u64 rx_ns;                    /* 0: this packet carries no time           */
	__u32 hash;                     /* symmetric over the flow                  */
	__u32 pos;                      /* place in its ring: 0, 1, 2 ... per slot  */
	__u32 fence_pos;                /* valid with FULCRUM_META_FENCE            */
	__u16 l3_off;                   /* from the Ethernet header                 */
	__u16 l4_off;                   /* 0: none (fragment tail, cut header)      */
	__u8 proto;                     /* L4 protocol after extension headers      */
	__u8 bucket;
	__u8 flags;
	__u8 fence_ring;
	__u16 payload_off;              /* behind TCP/UDP header; else l4_off or 0  */
	__u16 abi;                      /* FULCRUM_ABI, else the helper drops it    */
};
FULCRUM_ASSERT(sizeof(struct fulcrum_meta) == 32, "meta: older kernels allow 32 bytes");

/* fu1_port: configuration and split of one port. Replaced as a whole. */
struct fulcrum_port {
	__u32 abi;
	__u32 inline_slot;              /* key in fu1_inline                        */
	char name[16];
	__u32 inline_permille;          /* the split as it stands, over buckets     */
	__u32 cpu_permille;
	__u32 dev0_permille;
	__u32 dev1_permille;
	__u32 dev2_permille;
	__u32 pass_permille;
	__u32 beat_limit_ms;            /* an older heartbeat counts as dead        */
	__u32 frame_max_bytes;          /* longer frames pass to the kernel         */
	enum fulcrum_on_loss on_loss;
	enum fulcrum_ordering ordering;
	__u8 all_inline;                /* every bucket is inline: skip hash, table */
	__u8 stamp_mask;
	__u32 pad;
	__u64 local_bloom[FULCRUM_LOCAL_BITS / 64];
	enum fulcrum_tier bucket[FULCRUM_BUCKETS];
};

struct fulcrum_queue_key {
	__u32 ifindex;
	__u32 queue;
};

/* fu1_queue: counters of one RX queue, single writer (that queue's NAPI).
 * Conservation: rx_packets = the sum of all pass_, drop_, inline_ and
 * ring_ counters below. */
struct fulcrum_queue {
	__u32 slot;                     /* set by the helper at creation            */
	__u32 pad;
	__u64 rx_packets;
	__u64 rx_bytes;
	/* to the kernel stack by decision */
	__u64 pass_not_ip;
	__u64 pass_malformed;
	__u64 pass_multicast;
	__u64 pass_local;
	__u64 pass_too_long;
	__u64 pass_tier;                /* bucket's tier is PASS                    */
	/* helper could not take it: policy */
	__u64 pass_helper_stale;
	__u64 pass_no_credit;
	__u64 pass_no_socket;
	__u64 drop_helper_stale;
	__u64 drop_no_credit;
	__u64 drop_no_socket;
	__u64 drop_move_drain;          /* ring to inline move that would not drain */
	__u64 inline_helper_stale;
	__u64 inline_no_credit;
	__u64 inline_no_socket;
	/* by the split */
	__u64 inline_packets;
	__u64 ring_packets[FULCRUM_RINGS];
	__u64 ring_bytes[FULCRUM_RINGS];
	__u64 fenced_packets;           /* of ring_packets, those with a fence      */
	/* what inline programs decided (their packets are in inline_* above) */
	__u64 inline_tx;
	__u64 inline_tx_bytes;
	__u64 inline_pass;
	__u64 inline_drop;
	__u64 inline_missing;           /* tail call found no program: passed       */
};

/* fu1_order: per bucket, what keeps its packets in order over moves. */
struct fulcrum_order_bucket {
	__u32 last_pos;                 /* place of its last packet in its ring     */
	__u32 fence_pos;
	__u32 packets;                  /* ever, wraps: the balancer's load weights */
	enum fulcrum_tier tier;         /* where its last packet went               */
	enum fulcrum_tier fence_tier;   /* 0: no fence                              */
	__u16 move_ms;                  /* since when a move inline waits to drain  */
};
struct fulcrum_order {
	__u32 sent[FULCRUM_RINGS];      /* next place in each ring                  */
	struct fulcrum_order_bucket bucket[FULCRUM_BUCKETS];
};

/* fu1_beat: one line per slot, written by the worker, read by XDP. */
struct fulcrum_beat {
	__u64 beat_ns;                  /* 0: no helper                             */
	__u32 limit[FULCRUM_RINGS];     /* XDP may fill places before this one      */
	__u32 retired[FULCRUM_RINGS];   /* all places before this one have left     */
	__u32 generation;               /* counts helper starts                     */
	__u32 pad[5];
};
FULCRUM_ASSERT(sizeof(struct fulcrum_beat) == 64, "beat: one cache line");

/* fu1_local: an address of this machine, IPv4 as ::ffff:a.b.c.d */
struct fulcrum_addr {
	__u32 word[4];                  /* network byte order                       */
};

struct fulcrum_sock_key {
	__u32 ifindex;
	__u16 queue;
	__u16 ring;
};
struct fulcrum_sock {
	__u32 pid;
	enum fulcrum_tier tier;
	enum fulcrum_xsk_mode mode;
	__u16 need_wakeup;
	__u32 rx_ring_descs;
	__u32 frame_bytes;
	char device[16];                /* what serves the ring: "cpu", "manycore"  */
};

struct fulcrum_global {
	__u64 pass_unknown_port;        /* attached, but no helper has claimed it   */
	__u64 pass_unknown_queue;
};

/* Bits of the Bloom filter in fulcrum_port.local_bloom. */
static inline __u32 fulcrum_local_hash(const struct fulcrum_addr *a)
{
	__u32 h = (a->word[0] ^ a->word[1] ^ a->word[2]) * 0x9e3779b1u ^ a->word[3];

	h *= 0x85ebca6bu;
	return h >> 22;                 /* 0 .. FULCRUM_LOCAL_BITS - 1              */
}

#endif
