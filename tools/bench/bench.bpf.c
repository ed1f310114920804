// SPDX-License-Identifier: GPL-2.0
/* bench.bpf.c - generator, sinks and the in-kernel contenders of the bench.
 *
 * Loaded by meter.c, which fills the constants before the load. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include "common.h"

#define AF_INET_ 2                      /* socket headers are not for BPF */
#define PACE_SLACK_NS 1000000           /* a late generator catches up at most this much */

const volatile __u32 run_magic;
const volatile __u32 gen_out_ifindex;
const volatile __u64 gen_gap_ns;        /* 0: flat out */
const volatile __u8 gen_stamps;
const volatile __u8 sink_dst_mac[6];
const volatile __u8 sink_ttl;           /* 0: do not look at the IP header */

struct gen_config gen_config SEC(".data.gen_config");
struct gen_state gen_state SEC(".data.gen_state");
struct sink_stat sink_stat SEC(".data.sink_stat");
__u32 latency_ns[BENCH_LATENCIES] SEC(".data.latency");

/* ---- generator: one call a packet, driven by BPF_PROG_TEST_RUN live frames ---- */

static __always_inline int is_due(void)
{
	__u64 now_ns;

	if (!gen_gap_ns)
		return 1;
	now_ns = bpf_ktime_get_ns();
	if (now_ns < gen_state.next_ns)
		return 0;
	if (now_ns - gen_state.next_ns > PACE_SLACK_NS)
		gen_state.next_ns = now_ns;
	gen_state.next_ns += gen_gap_ns;
	return 1;
}

/* The kernel recycles the pages of live frames, and the far side wrote into them:
 * so the whole header is written again each time. */
SEC("xdp") int gen(struct xdp_md *ctx)
{
	struct bench_packet *p = (void *)(long)ctx->data;
	__u32 seq, flow, host, sum;

	if ((void *)(p + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (!is_due())
		return XDP_DROP;
	seq = gen_state.seq++;
	flow = BENCH_FLOW(seq);
	host = bpf_htons(BENCH_FIRST_HOST + (flow & (BENCH_HOSTS - 1)));
	__builtin_memcpy(p, &gen_config.head, __builtin_offsetof(struct bench_packet, magic));
	p->daddr = gen_config.head.daddr | host << 16;
	sum = gen_config.ip_sum + host;
	sum = (sum & 0xffff) + (sum >> 16);
	p->ip_check = ~(sum + (sum >> 16));
	p->sport = bpf_htons(1024 + flow);
	p->magic = run_magic;
	p->seq = seq;
	p->sent_ns = gen_stamps ? bpf_ktime_get_ns() : 0;
	gen_state.sent_pkts++;
	return bpf_redirect(gen_out_ifindex, 0);
}

/* ---- sinks: count, check, record latency ---------------------------------------- */

static __always_inline int mac_is_wrong(const struct bench_packet *p)
{
	__u8 diff = 0;

	for (int i = 0; i < 6; i++)
		diff |= p->dst_mac[i] ^ sink_dst_mac[i];
	return diff != 0;
}

static __always_inline int ip_is_wrong(const struct bench_packet *p)
{
	const __u16 *word = (const void *)&p->version_ihl;
	__u32 sum = 0;

	for (int i = 0; i < 10; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return p->ttl != sink_ttl || sum != 0xffff;
}

static __always_inline void count(const struct bench_packet *p, const void *end, __u32 len)
{
	struct sink_stat *s = &sink_stat;
	__u32 seq, *flow_seq;

	if ((const void *)(p + 1) > end || p->magic != run_magic) {
		s->foreign++;
		return;
	}
	seq = p->seq;
	flow_seq = &s->flow_seq[BENCH_FLOW(seq)];
	if ((__s32)(seq - *flow_seq) <= 0)
		s->reordered++;
	*flow_seq = seq;
	if (mac_is_wrong(p))
		s->bad_mac++;
	if (sink_ttl && !(seq >> 12 & 63) && ip_is_wrong(p))
		s->bad_ip++;
	if (gen_stamps)
		latency_ns[s->pkts & (BENCH_LATENCIES - 1)] = bpf_ktime_get_ns() - p->sent_ns;
	s->pkts++;
	s->bytes += len;
	barrier();                      /* meter waits for last_seq, then reads the rest */
	*(volatile __u32 *)&s->last_seq = seq;
}

SEC("xdp") int sink_xdp(struct xdp_md *ctx)
{
	count((void *)(long)ctx->data, (void *)(long)ctx->data_end, ctx->data_end - ctx->data);
	return XDP_DROP;
}

/* For contenders whose packets reach the peer as skbs: an XDP sink would first copy
 * each skb into a fresh page, a cost of the sink alone. */
SEC("tc") int sink_tc(struct __sk_buff *skb)
{
	if ((void *)(long)skb->data + sizeof(struct bench_packet) > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, sizeof(struct bench_packet));
	count((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len);
	return TC_ACT_SHOT;
}

/* Between two runs the sink's port keeps a program: live frames need one there. */
SEC("xdp") int sink_idle(struct xdp_md *ctx)
{
	return XDP_DROP;
}

/* ---- in-kernel contenders ----------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} out_port SEC(".maps");

__u8 out_macs[12] SEC(".data.out_macs");        /* destination, source */

SEC("xdp") int hold_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp") int hold_redirect(struct xdp_md *ctx)
{
	void *frame = (void *)(long)ctx->data;

	if (frame + ETH_HLEN > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(frame, out_macs, sizeof(out_macs));
	return bpf_redirect_map(&out_port, 0, 0);
}

/* The shortest router that uses the kernel's routes and neighbours. */
SEC("xdp") int hold_fib(struct xdp_md *ctx)
{
	struct bench_packet *p = (void *)(long)ctx->data;
	struct bpf_fib_lookup fib = {};
	__u32 sum;

	if ((void *)&p->sport > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	if (p->ethertype != bpf_htons(ETH_P_IP) || p->ttl <= 1)
		return XDP_PASS;
	fib.family = AF_INET_;
	fib.tos = p->tos;
	fib.l4_protocol = p->protocol;
	fib.tot_len = bpf_ntohs(p->total_len);
	fib.ipv4_src = p->saddr;
	fib.ipv4_dst = p->daddr;
	fib.ifindex = ctx->ingress_ifindex;
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return XDP_PASS;
	sum = p->ip_check + bpf_htons(0x0100);
	p->ip_check = sum + (sum >= 0xffff);
	p->ttl--;
	__builtin_memcpy(p->dst_mac, fib.dmac, ETH_ALEN);
	__builtin_memcpy(p->src_mac, fib.smac, ETH_ALEN);
	return bpf_redirect(fib.ifindex, 0);
}

char _license[] SEC("license") = "GPL";
