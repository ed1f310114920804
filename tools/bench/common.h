/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* common.h - the generated packet and the counters: BPF programs <-> meter.
 *
 * The generator owns struct gen_state, the sink owns struct sink_stat; they lie
 * in separate maps, since generator and sink run on different cores.
 * Units: times are CLOCK_MONOTONIC nanoseconds. */
#ifndef FULCRUM_BENCH_COMMON_H
#define FULCRUM_BENCH_COMMON_H
#include <linux/types.h>

#define BENCH_FLOWS 1024                /* power of two */
#define BENCH_TRAIN_PKTS 4              /* a flow sends so many in a row: neighbours of one
					 * flow are what a wrong order shows in */
#define BENCH_FLOW(seq) ((seq) / BENCH_TRAIN_PKTS & (BENCH_FLOWS - 1))
#define BENCH_HOSTS 128                 /* destinations 10.98.0.64 .. 10.98.0.191      */
#define BENCH_FIRST_HOST 64
#define BENCH_LATENCIES (1u << 19)      /* ring of samples, 2.6 s at 200,000 packets/s */
#define BENCH_FRAME_MAX_BYTES 1514

/* Every generated frame starts so; the rest is padding of any content. */
struct bench_packet {
	__u8 dst_mac[6], src_mac[6];
	__be16 ethertype;
	__u8 version_ihl, tos;
	__be16 total_len, id, frag;
	__u8 ttl, protocol;
	__be16 ip_check;
	__be32 saddr, daddr;
	__be16 sport, dport, udp_len, udp_check;
	__u32 magic;                    /* differs in each run: late packets of the run */
					/* before are counted as foreign                */
	__u32 seq;                      /* 1, 2, 3 ... over all flows                   */
	__u64 sent_ns;
} __attribute__((packed));

struct gen_config {
	struct bench_packet head;       /* host part of daddr is zero                   */
	__u32 ip_sum;                   /* folded sum of that header, check left out    */
};

struct gen_state {
	__u64 sent_pkts;
	__u64 next_ns;                  /* paced: the next packet is not due before     */
	__u32 seq;                      /* of the next packet                           */
};

struct sink_stat {
	__u64 pkts, bytes;
	__u64 bad_mac;                  /* destination MAC is not the one asked for     */
	__u64 bad_ip;                   /* TTL or checksum wrong (one packet in 64)     */
	__u64 reordered;                /* overtaken or doubled inside its flow         */
	__u64 foreign;                  /* not a packet of this run                     */
	__u32 last_seq;
	__u32 flow_seq[BENCH_FLOWS];
};
#endif
