// SPDX-License-Identifier: MIT
/* drive.c - namespaces, programs on interfaces, and the packet generator. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "meter.h"

#define LO_IFINDEX 1
#define ENDLESS (1u << 30)
#define FLAT_OUT_BATCH 64
#define PACED_BATCH 8           /* a batch leaves as a whole: small, or it adds latency */

static unsigned char frame[BENCH_FRAME_MAX_BYTES];
static volatile int stop;

void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		DIE("core %d: %s", cpu, strerror(errno));
}

void set_fifo(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &p);
}

void enter_netns(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name ? name : "?");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		DIE("%s: %s", path, strerror(errno));
	close(fd);
}

int ifindex_of(const char *name)
{
	int index = name ? if_nametoindex(name) : 0;

	if (!index)
		DIE("%s: no such interface", name ? name : "(none given)");
	return index;
}

/* Not a bpf_link: the program stays until it is replaced. */
void attach_xdp(struct bpf_program *prog, int ifindex)
{
	int r = bpf_xdp_attach(ifindex, bpf_program__fd(prog), 0, NULL);

	if (r)
		DIE("attach XDP to interface %d: %s", ifindex, strerror(-r));
}

void attach_tc(struct bpf_program *prog, int ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, tc, .prog_fd = bpf_program__fd(prog), .flags = BPF_TC_F_REPLACE,
			    .handle = 1, .priority = 1);
	int r = bpf_tc_hook_create(&hook);

	if ((r && r != -EEXIST) || bpf_tc_attach(&hook, &tc))
		DIE("attach tc to interface %d", ifindex);
}

void attach_sink(void)
{
	enter_netns(opt.sink_ns);
	if (opt.sink_is_tc)
		attach_tc(bpf->progs.sink_tc, ifindex_of(opt.sink_if));
	else
		attach_xdp(bpf->progs.sink_xdp, ifindex_of(opt.sink_if));
}

/* The interface is never without a program: with none, a veth peer drops live
 * frames, and a helper that watches for that would change its way of sending. */
void detach_sink(void)
{
	enter_netns(opt.sink_ns);
	if (!opt.sink_is_tc)
		attach_xdp(bpf->progs.sink_idle, ifindex_of(opt.sink_if));
}

void write_template(void)
{
	struct bench_packet p = {
		.ethertype = htons(ETH_P_IP), .version_ihl = 0x45, .ttl = 64, .protocol = IPPROTO_UDP,
		.total_len = htons(opt.frame_bytes - ETH_HLEN), .dport = htons(9),
		.udp_len = htons(opt.frame_bytes - ETH_HLEN - 20),
		.saddr = inet_addr("10.99.0.2"), .daddr = inet_addr("10.98.0.0"),
	};
	unsigned short word[10];
	unsigned sum = 0;

	memcpy(p.dst_mac, opt.gen_dst, 6);
	memcpy(p.src_mac, opt.gen_src, 6);
	memcpy(word, &p.version_ihl, sizeof(word));
	for (int i = 0; i < 10; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	bpf->data_gen_config->gen_config.head = p;
	bpf->data_gen_config->gen_config.ip_sum = (sum & 0xffff) + (sum >> 16);
	bpf->data_gen_state->gen_state.seq = 1;
	memcpy(frame, &p, sizeof(p));
}

static int shoot(unsigned repeat, unsigned batch)
{
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = opt.frame_bytes,
			    .repeat = repeat, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = batch);

	return bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.gen), &run);
}

/* Attached to lo, which sees no packets, the program stays in the kernel's XDP
 * dispatcher; else each test run waits for an RCU grace period. */
static void enter_generator(void)
{
	pin_to(opt.gen_cpu);
	enter_netns(opt.gen_ns);
	attach_xdp(bpf->progs.gen, LO_IFINDEX);
}

void generate_one(void)
{
	static int entered;
	int r;

	if (!entered)
		enter_generator();
	entered = 1;
	r = shoot(1, 1);
	if (r)
		DIE("BPF_PROG_TEST_RUN: %s", strerror(-r));
}

/* One endless test run, ended by a signal. */
static void *generator(void *arg)
{
	set_fifo(0);
	enter_generator();
	while (!stop) {
		int r = shoot(ENDLESS, opt.rate_mpps > 0 ? PACED_BATCH : FLAT_OUT_BATCH);

		if (r && r != -EINTR)
			DIE("BPF_PROG_TEST_RUN: %s", strerror(-r));
	}
	return arg;
}

static void on_wake(int signal_number)
{
	(void)signal_number;
}

pthread_t generator_start(void)
{
	struct sigaction action = { .sa_handler = on_wake };
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, generator, NULL))
		DIE("no thread for the generator");
	return thread;
}

void generator_stop(pthread_t thread)
{
	struct timespec until;

	stop = 1;
	do {
		pthread_kill(thread, SIGUSR1);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += until.tv_nsec >= 950000000;
		until.tv_nsec = (until.tv_nsec + 50000000) % 1000000000;
	} while (pthread_timedjoin_np(thread, NULL, &until));
}
