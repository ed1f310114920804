// SPDX-License-Identifier: MIT
/* bare.c - the bare forwarder: IN -> user space -> OUT with new MAC addresses, nothing else.
 *
 *   bare live|ring IN OUT DST_MAC SRC_MAC
 *
 * live: packets leave as live frames; bursts too small to pay for that call leave by
 * the TX ring. ring: all leave by the TX ring. It spins, on one queue, in copy mode.
 * Its rate is what any program on these ways in and out can reach at best. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xdp/xsk.h>
#include "bare.h"
#include "bare.skel.h"

#define FRAMES 8192
#define FRAME_BYTES 2048
#define RING_DESCS 2048
#define LIVE_MIN 24             /* a live-frame call costs as much as this many sends */
#define LIVE_BATCH 64
#define LO_IFINDEX 1
#define DIE(...) do { fprintf(stderr, "bare: " __VA_ARGS__); fputc('\n', stderr); exit(1); } while (0)

struct port {
	struct xsk_socket *socket;
	struct xsk_ring_cons rx, completion;
	struct xsk_ring_prod tx, fill;
};

static struct bare_bpf *bpf;
static unsigned char *mem;
static struct xsk_umem *umem;
static __u64 pool[FRAMES];         /* frames that are on no ring */
static unsigned pooled;
static unsigned char macs[12];
static volatile sig_atomic_t ended;

static void on_end(int signal_number)
{
	ended = signal_number;
}

static void open_memory(struct port *in)
{
	struct xsk_umem_config config = { .fill_size = RING_DESCS, .comp_size = RING_DESCS, .frame_size = FRAME_BYTES };
	size_t bytes = (size_t)FRAMES * FRAME_BYTES;
	int r;

	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (mem == MAP_FAILED)
		DIE("map the UMEM: %s", strerror(errno));
	r = xsk_umem__create(&umem, mem, bytes, &in->fill, &in->completion, &config);
	if (r)
		DIE("UMEM: %s", strerror(-r));
	while (pooled < FRAMES) {
		pool[pooled] = (__u64)pooled * FRAME_BYTES;
		pooled++;
	}
}

static void open_port(struct port *p, const char *name)
{
	struct xsk_socket_config config = {
		.rx_size = RING_DESCS, .tx_size = RING_DESCS, .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
	};
	int r = xsk_socket__create_shared(&p->socket, name, 0, umem, &p->rx, &p->tx, &p->fill, &p->completion, &config);

	if (r)
		DIE("socket on %s: %s", name, strerror(-r));
}

static void refill(struct port *p)
{
	__u32 at, n = xsk_prod_nb_free(&p->fill, pooled);

	if (n > pooled)
		n = pooled;
	if (!n || xsk_ring_prod__reserve(&p->fill, n, &at) != n)
		return;
	for (__u32 i = 0; i < n; i++)
		*xsk_ring_prod__fill_addr(&p->fill, at + i) = pool[--pooled];
	xsk_ring_prod__submit(&p->fill, n);
}

static void reap(struct port *p)
{
	__u32 at, n = xsk_ring_cons__peek(&p->completion, RING_DESCS, &at);

	for (__u32 i = 0; i < n; i++)
		pool[pooled++] = *xsk_ring_cons__comp_addr(&p->completion, at + i);
	if (n)
		xsk_ring_cons__release(&p->completion, n);
}

/* In copy mode one call sends 32 descriptors and says EAGAIN while there are more. */
static void kick(struct port *p)
{
	for (int i = 0; i < BARE_BURST / 32; i++) {
		if (sendto(xsk_socket__fd(p->socket), NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno != EAGAIN)
			break;
		reap(p);
	}
	reap(p);
}

static void send_by_ring(struct port *in, struct port *out, __u32 from, __u32 n)
{
	__u32 at;

	while (xsk_ring_prod__reserve(&out->tx, n, &at) != n) {
		if (ended)
			return;
		kick(out);
	}
	for (__u32 i = 0; i < n; i++) {
		const struct xdp_desc *rx = xsk_ring_cons__rx_desc(&in->rx, from + i);

		memcpy(mem + rx->addr, macs, sizeof(macs));
		*xsk_ring_prod__tx_desc(&out->tx, at + i) = (struct xdp_desc){ .addr = rx->addr, .len = rx->len };
	}
	xsk_ring_prod__submit(&out->tx, n);
	xsk_ring_cons__release(&in->rx, n);
	kick(out);
}

/* Frames are free, and filled again, as soon as their packets are copied. */
static void send_live(struct port *in, __u32 from, __u32 n)
{
	static unsigned char blank[BARE_PACKET_BYTES];
	struct bare_burst *burst = &bpf->data_burst->burst;
	__u32 longest = 60;

	burst->next = 0;
	for (__u32 i = 0; i < n; i++) {
		const struct xdp_desc *rx = xsk_ring_cons__rx_desc(&in->rx, from + i);

		memcpy(burst->packet[i].bytes, mem + rx->addr, rx->len);
		memcpy(burst->packet[i].bytes, macs, sizeof(macs));
		burst->packet[i].len_bytes = rx->len;
		pool[pooled++] = rx->addr & ~(__u64)(FRAME_BYTES - 1);
		if (rx->len > longest)
			longest = rx->len;
	}
	xsk_ring_cons__release(&in->rx, n);
	refill(in);
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = blank, .data_size_in = longest, .repeat = n,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = LIVE_BATCH);
	if (bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.way_back), &run) && errno != EINTR)
		DIE("BPF_PROG_TEST_RUN: %s", strerror(errno));
}

static void forward(struct port *in, struct port *out, int live)
{
	while (!ended) {
		__u32 from, n = xsk_ring_cons__peek(&in->rx, live ? BARE_BURST : LIVE_BATCH, &from);

		if (n && live && n >= LIVE_MIN)
			send_live(in, from, n);
		else if (n)
			send_by_ring(in, out, from, n);
		else
			reap(out);
		refill(in);
	}
}

static void attach(struct bpf_program *prog, int ifindex)
{
	if (!bpf_program__attach_xdp(prog, ifindex))
		DIE("attach XDP to interface %d: %s", ifindex, strerror(errno));
}

/* way_back stays attached to lo: else each of its calls waits for a grace period. */
static void set_up(struct port *in, struct port *out, char **arg)
{
	int key = 0, fd;

	bpf = bare_bpf__open_and_load();
	if (!bpf)
		DIE("BPF programs: %s (needs root and Linux 5.18)", strerror(errno));
	open_memory(in);
	open_port(in, arg[0]);
	open_port(out, arg[1]);
	fd = xsk_socket__fd(in->socket);
	if (bpf_map_update_elem(bpf_map__fd(bpf->maps.sockets), &key, &fd, 0))
		DIE("XSKMAP: %s", strerror(errno));
	bpf->data_burst->burst.out_ifindex = if_nametoindex(arg[1]);
	refill(in);
	attach(bpf->progs.way_back, LO_IFINDEX);
	attach(bpf->progs.way_in, if_nametoindex(arg[0]));
}

static void parse_mac(const char *text, unsigned char *mac)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		DIE("%s: not a MAC address", text);
}

int main(int argc, char **argv)
{
	static struct port in, out;
	int live = argc > 1 && !strcmp(argv[1], "live");

	if (argc != 6 || (!live && strcmp(argv[1], "ring")))
		DIE("usage: bare live|ring IN OUT DST_MAC SRC_MAC");
	parse_mac(argv[4], macs);
	parse_mac(argv[5], macs + 6);
	set_up(&in, &out, argv + 2);
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	printf("ready\n");
	fflush(stdout);
	forward(&in, &out, live);
	return 0;
}
