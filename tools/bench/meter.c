// SPDX-License-Identifier: MIT
/* meter.c - drives traffic gen -> contender -> sink and prints one line of JSON.
 *
 *   meter load   flat out, or paced with --rate; with --rate also latency
 *   meter ping   one packet in flight, latency
 *   meter idle   give the sink's interface an XDP program and leave
 *   meter hold   attach an in-kernel contender (--prog drop|redirect|fib), stay
 *
 * The generator runs on --gen-cpu as BPF_PROG_TEST_RUN live frames; veth runs the
 * receiver's softirq there too, unless the interface has a NAPI thread. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "meter.h"

#define PING_WARM_UP 200
#define PING_WAIT_S 0.005       /* longer: lost */
#define PING_PAUSE_S 20e-6      /* lets the contender go back to its idle state */

struct options opt = { .frame_bytes = 64, .gen_cpu = 0, .dut_cpu = 1, .count = 8000, .warm_s = .3, .window_s = 1 };
struct bench_bpf *bpf;

/* ---- options ----------------------------------------------------------------- */

enum { GEN, GEN_IF, SINK, SINK_IF, DUT, IN, OUT, PROG, GEN_DST, GEN_SRC, OUT_DST, OUT_SRC, BYTES, GEN_CPU, DUT_CPU, TC_SINK,
       TTL, COUNT, PID, RATE, WARM, SECS };

static const struct option options[] = {
	{ "gen", 1, 0, GEN }, { "gen-if", 1, 0, GEN_IF }, { "sink", 1, 0, SINK }, { "sink-if", 1, 0, SINK_IF },
	{ "dut", 1, 0, DUT }, { "in", 1, 0, IN }, { "out", 1, 0, OUT }, { "prog", 1, 0, PROG },
	{ "gen-dst", 1, 0, GEN_DST }, { "gen-src", 1, 0, GEN_SRC }, { "out-dst", 1, 0, OUT_DST },
	{ "out-src", 1, 0, OUT_SRC }, { "bytes", 1, 0, BYTES }, { "gen-cpu", 1, 0, GEN_CPU },
	{ "dut-cpu", 1, 0, DUT_CPU }, { "tc-sink", 0, 0, TC_SINK }, { "ttl", 1, 0, TTL }, { "count", 1, 0, COUNT },
	{ "pid", 1, 0, PID }, { "rate", 1, 0, RATE }, { "warm", 1, 0, WARM }, { "secs", 1, 0, SECS }, { 0 },
};

static void parse_mac(const char *text, unsigned char *mac)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		DIE("%s: not a MAC address", text);
}

static void set_option(int which, const char *value)
{
	switch (which) {
	case GEN: opt.gen_ns = value; break;
	case GEN_IF: opt.gen_if = value; break;
	case SINK: opt.sink_ns = value; break;
	case SINK_IF: opt.sink_if = value; break;
	case DUT: opt.dut_ns = value; break;
	case IN: opt.in_if = value; break;
	case OUT: opt.out_if = value; break;
	case PROG: opt.prog = value; break;
	case GEN_DST: parse_mac(value, opt.gen_dst); break;
	case GEN_SRC: parse_mac(value, opt.gen_src); break;
	case OUT_DST: parse_mac(value, opt.out_dst); break;
	case OUT_SRC: parse_mac(value, opt.out_src); break;
	case BYTES: opt.frame_bytes = atoi(value); break;
	case GEN_CPU: opt.gen_cpu = atoi(value); break;
	case DUT_CPU: opt.dut_cpu = atoi(value); break;
	case TC_SINK: opt.sink_is_tc = 1; break;
	case TTL: opt.ttl = atoi(value); break;
	case COUNT: opt.count = atoi(value); break;
	case PID:
		if (opt.pid_count == MAX_PIDS)
			DIE("at most %d --pid", MAX_PIDS);
		opt.pids[opt.pid_count++] = atoi(value);
		break;
	case RATE: opt.rate_mpps = atof(value); break;
	case WARM: opt.warm_s = atof(value); break;
	case SECS: opt.window_s = atof(value); break;
	}
}

static void parse_options(int argc, char **argv)
{
	int which;

	while ((which = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (which == '?')
			exit(2);
		set_option(which, optarg);
	}
	if (opt.frame_bytes < (int)sizeof(struct bench_packet) || opt.frame_bytes > BENCH_FRAME_MAX_BYTES)
		DIE("--bytes %d: must be %zu to %d", opt.frame_bytes, sizeof(struct bench_packet), BENCH_FRAME_MAX_BYTES);
}

/* ---- commands ----------------------------------------------------------------- */

static void open_bpf(void)
{
	libbpf_set_print(NULL);
	bpf = bench_bpf__open();
	if (!bpf)
		DIE("BPF object: %s", strerror(errno));
}

static void load_bpf(void)
{
	int r = bench_bpf__load(bpf);

	if (r)
		DIE("load BPF programs: %s (needs root and Linux 5.18)", strerror(-r));
}

/* Constants first: they are read-only once loaded. */
static void set_up_traffic(int stamps)
{
	enter_netns(opt.gen_ns);
	bpf->rodata->gen_out_ifindex = ifindex_of(opt.gen_if);
	bpf->rodata->gen_gap_ns = opt.rate_mpps > 0 ? 1e3 / opt.rate_mpps : 0;
	bpf->rodata->gen_stamps = stamps;
	bpf->rodata->run_magic = 0x46000000u | (getpid() & 0xffffff);
	bpf->rodata->sink_ttl = opt.ttl;
	memcpy((void *)bpf->rodata->sink_dst_mac, opt.out_dst, 6);
	load_bpf();
	write_template();
	attach_sink();
	pin_to(opt.gen_cpu);
	distance_start();
}

static void load(void)
{
	struct window w;
	pthread_t gen;

	set_up_traffic(opt.rate_mpps > 0);
	set_fifo(10);           /* the sampler shares the generator's core */
	gen = generator_start();
	sleep_s(opt.warm_s);
	window_measure(opt.window_s, &w);
	generator_stop(gen);
	detach_sink();
	window_print(&w);
	printf("}\n");
}

static int ping_once(void)
{
	__u32 seq = bpf->data_gen_state->gen_state.seq;
	volatile __u32 *last_seq = &bpf->data_sink_stat->sink_stat.last_seq;
	double end_s;
	int arrived;

	generate_one();
	for (end_s = now_s() + PING_WAIT_S; *last_seq != seq && now_s() < end_s;)
		__builtin_ia32_pause();
	arrived = *last_seq == seq;
	for (end_s = now_s() + PING_PAUSE_S; now_s() < end_s;)
		__builtin_ia32_pause();
	return arrived;
}

static void ping(void)
{
	struct window w = { 0 };
	int lost = 0;

	set_up_traffic(1);
	for (int i = 0; i < PING_WARM_UP; i++)
		ping_once();
	sample_take(&w.from);
	for (int i = 0; i < opt.count && now_s() - w.from.at_s < opt.window_s; i++)
		lost += !ping_once();
	sample_take(&w.to);
	detach_sink();
	window_print(&w);
	printf(",\"lost\":%d}\n", lost);
}

static void idle(void)
{
	load_bpf();
	detach_sink();
}

static volatile sig_atomic_t ended;

static void on_end(int signal_number)
{
	ended = signal_number;
}

static void hold(void)
{
	char name[32];
	struct bpf_program *prog;
	__u32 key = 0, ifindex;

	snprintf(name, sizeof(name), "hold_%s", opt.prog ? opt.prog : "");
	prog = bpf_object__find_program_by_name(bpf->obj, name);
	if (!prog)
		DIE("--prog %s: must be drop, redirect or fib", opt.prog ? opt.prog : "");
	load_bpf();
	enter_netns(opt.dut_ns);
	ifindex = ifindex_of(opt.out_if);
	memcpy(bpf->data_out_macs->out_macs, opt.out_dst, 6);
	memcpy(bpf->data_out_macs->out_macs + 6, opt.out_src, 6);
	if (bpf_map_update_elem(bpf_map__fd(bpf->maps.out_port), &key, &ifindex, 0))
		DIE("output port: %s", strerror(errno));
	attach_xdp(prog, ifindex_of(opt.in_if));
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	printf("ready\n");
	fflush(stdout);
	while (!ended)
		usleep(100000);
	bpf_xdp_detach(ifindex_of(opt.in_if), 0, NULL);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } commands[] = {
		{ "load", load }, { "ping", ping }, { "idle", idle }, { "hold", hold },
	};

	if (argc < 2)
		DIE("usage: meter load|ping|idle|hold OPTIONS");
	parse_options(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name)) {
			open_bpf();
			commands[i].run();
			return 0;
		}
	DIE("%s: no such command", argv[1]);
}
