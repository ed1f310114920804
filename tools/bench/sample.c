// SPDX-License-Identifier: MIT
/* sample.c - counters, CPU time and core distance over a window of time -> JSON. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "meter.h"

#define SLICE_S 0.025
#define NEAR_NS 200             /* a cache line goes there and back in this: shared cache */
#define ROUNDS 60
#define TRIES 4

double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

void sleep_s(double s)
{
	struct timespec t = { s, (s - (long)s) * 1e9 };

	nanosleep(&t, NULL);
}

/* ---- distance of the two cores: a ball thrown to and fro ---------------------- */

static _Alignas(128) atomic_uint ball;          /* odd: the other side's turn */
static int whistle_fd;

/* Wait until the ball shows `turn`; 0 when the other side does not play. */
static int await_turn(unsigned turn, double end_s)
{
	for (unsigned spins = 1; atomic_load(&ball) != turn; spins++)
		if (!(spins & 255) && now_s() > end_s)
			return 0;
	return 1;
}

static void *other_side(void *arg)
{
	uint64_t n;

	pin_to(opt.dut_cpu);
	set_fifo(10);
	while (read(whistle_fd, &n, sizeof(n)) == sizeof(n)) {
		double end_s = now_s() + .004;

		for (unsigned turn = 1; turn < 2 * (1 + TRIES * ROUNDS) && await_turn(turn, end_s); turn += 2)
			atomic_store(&ball, turn + 1);
	}
	return arg;
}

void distance_start(void)
{
	pthread_t thread;

	whistle_fd = eventfd(0, EFD_CLOEXEC);
	if (whistle_fd < 0 || pthread_create(&thread, NULL, other_side, NULL))
		DIE("no thread to measure the distance of the cores");
}

/* Round trip of a cache line in ns, the best of some tries; 0: not known. */
static double distance_ns(void)
{
	double best_s = 1, end_s = now_s() + .003;
	unsigned turn = 1;

	atomic_store(&ball, turn);
	if (eventfd_write(whistle_fd, 1) || !await_turn(++turn, end_s))
		return 0;
	for (int t = 0; t < TRIES; t++) {
		double from_s = now_s();

		for (int i = 0; i < ROUNDS; i++, turn += 2) {
			atomic_store(&ball, turn + 1);
			if (!await_turn(turn + 2, end_s))
				return 0;
		}
		if (now_s() - from_s < best_s)
			best_s = now_s() - from_s;
	}
	return best_s / ROUNDS * 1e9;
}

/* ---- samples --------------------------------------------------------------------- */

/* CPU seconds of all threads of a process. */
static double task_seconds(int pid)
{
	char path[320];
	struct dirent *e;
	double sum_s = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		unsigned long long run_ns;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, e->d_name);
		if (e->d_name[0] == '.' || !(f = fopen(path, "r")))
			continue;
		if (fscanf(f, "%llu", &run_ns) == 1)
			sum_s += run_ns / 1e9;
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return sum_s;
}

static void core_times(struct sample *out)
{
	double tick_s = 1. / sysconf(_SC_CLK_TCK);
	FILE *f = fopen("/proc/stat", "r");
	unsigned long v[8];
	char line[256];
	int cpu;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu%d %lu %lu %lu %lu %lu %lu %lu %lu", &cpu, v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6,
			   v + 7) == 9 && line[3] != ' ' && cpu == opt.dut_cpu) {
			out->idle_s = (v[3] + v[4]) * tick_s;
			out->steal_s = v[7] * tick_s;
		}
	if (f)
		fclose(f);
}

void sample_take(struct sample *out)
{
	memset(out, 0, sizeof(*out));
	core_times(out);
	for (int i = 0; i < opt.pid_count; i++)
		out->tasks_s += task_seconds(opt.pids[i]);
	out->at_s = now_s();
	out->sink = *(volatile struct sink_stat *)&bpf->data_sink_stat->sink_stat;
	out->sent_pkts = *(volatile __u64 *)&bpf->data_gen_state->gen_state.sent_pkts;
}

static __u64 received_pkts(void)
{
	return *(volatile __u64 *)&bpf->data_sink_stat->sink_stat.pkts;
}

void window_measure(double seconds, struct window *out)
{
	double before_ns = distance_ns();

	memset(out, 0, sizeof(*out));
	sample_take(&out->from);
	while (now_s() - out->from.at_s < seconds) {
		__u64 pkts = received_pkts();
		double from_s = now_s(), after_ns, took_s;

		sleep_s(SLICE_S);
		took_s = now_s() - from_s;
		pkts = received_pkts() - pkts;
		after_ns = distance_ns();
		if (before_ns && before_ns < NEAR_NS && after_ns && after_ns < NEAR_NS)
			out->near_s += took_s, out->near_pkts += pkts;
		else if (before_ns >= NEAR_NS && after_ns >= NEAR_NS)
			out->far_s += took_s, out->far_pkts += pkts;
		before_ns = after_ns;
	}
	sample_take(&out->to);
}

/* ---- JSON ------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	return (x > y) - (x < y);
}

/* Percentiles over the packets of the window, at most as many as the ring keeps. */
static void print_latency(__u64 from, __u64 to)
{
	static __u32 sorted[BENCH_LATENCIES];
	__u32 n = 0;

	if (to - from > BENCH_LATENCIES)
		from = to - BENCH_LATENCIES;
	for (; from != to; from++)
		sorted[n++] = bpf->data_latency->latency_ns[from & (BENCH_LATENCIES - 1)];
	if (!n || !bpf->rodata->gen_stamps)
		return;
	qsort(sorted, n, sizeof(*sorted), by_value);
	printf(",\"samples\":%u,\"p50_ns\":%u,\"p90_ns\":%u,\"p99_ns\":%u,\"max_ns\":%u", n, sorted[n / 2],
	       sorted[n * 9ull / 10], sorted[n * 99ull / 100], sorted[n - 1]);
}

static void print_rate(const char *name, double seconds, double pkts)
{
	if (seconds > 0)
		printf(",\"%s_mpps\":%.5f,\"%s_s\":%.3f", name, pkts / seconds / 1e6, name, seconds);
}

void window_print(const struct window *w)
{
	const struct sample *a = &w->from, *b = &w->to;
	double s = b->at_s - a->at_s, busy_s = s - (b->idle_s - a->idle_s) - (b->steal_s - a->steal_s);
	unsigned long long pkts = b->sink.pkts - a->sink.pkts;

	printf("{\"window_s\":%.4f,\"tx_mpps\":%.5f,\"rx_mpps\":%.5f,\"rx_gbps\":%.4f,\"tx_pkts\":%llu,\"rx_pkts\":%llu", s,
	       (b->sent_pkts - a->sent_pkts) / s / 1e6, pkts / s / 1e6, (b->sink.bytes - a->sink.bytes) * 8 / s / 1e9,
	       b->sent_pkts - a->sent_pkts, pkts);
	/* errors count from the start of the run, not of the window */
	printf(",\"bad_mac\":%llu,\"bad_ip\":%llu,\"reordered\":%llu,\"foreign\":%llu", b->sink.bad_mac, b->sink.bad_ip,
	       b->sink.reordered, b->sink.foreign);
	printf(",\"dut_cpu\":%.4f,\"core_busy\":%.4f,\"core_steal\":%.4f", (b->tasks_s - a->tasks_s) / s, busy_s / s,
	       (b->steal_s - a->steal_s) / s);
	print_rate("near", w->near_s, w->near_pkts);
	print_rate("far", w->far_s, w->far_pkts);
	print_latency(a->sink.pkts, b->sink.pkts);
}
