/* SPDX-License-Identifier: MIT */
/* meter.h - the parts of meter: drive.c makes traffic, sample.c reads, meter.c decides. */
#ifndef FULCRUM_BENCH_METER_H
#define FULCRUM_BENCH_METER_H
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "common.h"
#include "bench.skel.h"

#define MAX_PIDS 32
#define DIE(...) do { fprintf(stderr, "meter: " __VA_ARGS__); fputc('\n', stderr); exit(1); } while (0)

struct options {
	const char *gen_ns, *gen_if, *sink_ns, *sink_if, *dut_ns, *in_if, *out_if, *prog;
	unsigned char gen_dst[6], gen_src[6], out_dst[6], out_src[6];
	int frame_bytes, gen_cpu, dut_cpu, sink_is_tc, ttl, count;
	int pids[MAX_PIDS], pid_count;  /* tasks that belong to the contender */
	double rate_mpps, warm_s, window_s;
};

extern struct options opt;
extern struct bench_bpf *bpf;

/* drive.c - namespaces, programs on interfaces, the generator.
 * Errors: all end the program with a message. */
void pin_to(int cpu);
void set_fifo(int priority);
void enter_netns(const char *name);
int ifindex_of(const char *name);
void attach_xdp(struct bpf_program *prog, int ifindex);
void attach_tc(struct bpf_program *prog, int ifindex);
void attach_sink(void);
void detach_sink(void);
void write_template(void);
pthread_t generator_start(void);
void generator_stop(pthread_t thread);
void generate_one(void);

/* sample.c - what the machine and the sink did over a window of time. */
struct sample {
	double at_s, idle_s, steal_s, tasks_s;
	unsigned long long sent_pkts;
	struct sink_stat sink;
};
struct window {
	struct sample from, to;
	/* rates by the distance of the two cores: a hypervisor moves virtual CPUs
	 * between cores that share a cache and cores that do not */
	double near_s, far_s;
	unsigned long long near_pkts, far_pkts;
};

double now_s(void);
void sleep_s(double s);
void distance_start(void);
void sample_take(struct sample *out);
void window_measure(double seconds, struct window *out);
void window_print(const struct window *w);
#endif
