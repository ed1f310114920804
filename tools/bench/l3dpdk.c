// SPDX-License-Identifier: MIT
/* l3dpdk.c - a small DPDK router as l3fwd does it: port 0 -> rte_lpm -> port 1.
 *
 *   l3dpdk EAL-OPTIONS -- DST_MAC ROUTES
 *
 * The table holds ROUTES prefixes, among them the bench's destinations. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_lpm.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#define BURST 64
#define AHEAD 4                 /* packets whose headers are prefetched */
#define RING_DESCS 2048
#define MBUFS 16383
#define MBUF_CACHE 256

struct next_hop {
	struct rte_ether_addr dst, src;
	uint16_t port;
};

static struct next_hop next_hops[256];
static struct rte_lpm *lpm;
static volatile sig_atomic_t ended;

static void on_end(int signal_number)
{
	ended = signal_number;
}

static void port_start(uint16_t port, struct rte_mempool *pool)
{
	struct rte_eth_conf config = { 0 };

	if (rte_eth_dev_configure(port, 1, 1, &config) || rte_eth_rx_queue_setup(port, 0, RING_DESCS, SOCKET_ID_ANY, NULL, pool) ||
	    rte_eth_tx_queue_setup(port, 0, RING_DESCS, SOCKET_ID_ANY, NULL) || rte_eth_dev_start(port))
		rte_exit(1, "l3dpdk: port %u does not start\n", port);
}

/* One /24 for the bench's destinations, one /32 for every second of them, and a
 * field of /24 around: lookups meet both levels of the table. */
static void fill_table(int routes)
{
	struct rte_lpm_config config = { .max_rules = 65536, .number_tbl8s = 1024 };
	int r = 0;

	lpm = rte_lpm_create("routes", SOCKET_ID_ANY, &config);
	if (!lpm)
		rte_exit(1, "l3dpdk: no table\n");
	r |= rte_lpm_add(lpm, RTE_IPV4(10, 98, 0, 0), 24, 1);
	for (int host = 64; host < 192; host += 2)
		r |= rte_lpm_add(lpm, RTE_IPV4(10, 98, 0, host), 32, 1);
	for (int i = 65; i < routes; i++)
		r |= rte_lpm_add(lpm, RTE_IPV4(20, i >> 8 & 255, i & 255, 0), 24, 1);
	if (r)
		rte_exit(1, "l3dpdk: a route was refused\n");
}

/* True when the packet may leave by *port; its header is rewritten then. */
static int route(struct rte_mbuf *m, uint16_t *port)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	uint32_t hop, sum;

	if (m->data_len < sizeof(*eth) + sizeof(*ip) || eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4) ||
	    ip->version_ihl != RTE_IPV4_VHL_DEF || rte_be_to_cpu_16(ip->total_length) < sizeof(*ip) || ip->time_to_live <= 1 ||
	    rte_lpm_lookup(lpm, rte_be_to_cpu_32(ip->dst_addr), &hop))
		return 0;
	ip->time_to_live--;
	sum = ip->hdr_checksum + RTE_BE16(0x0100);
	ip->hdr_checksum = sum + (sum >= 0xffff);
	rte_ether_addr_copy(&next_hops[hop].dst, &eth->dst_addr);
	rte_ether_addr_copy(&next_hops[hop].src, &eth->src_addr);
	*port = next_hops[hop].port;
	return 1;
}

static void send_all(uint16_t port, struct rte_mbuf **m, uint16_t n)
{
	uint16_t sent = 0, now;

	do {
		now = rte_eth_tx_burst(port, 0, m + sent, n - sent);
		sent += now;
	} while (now && sent < n);
	if (sent < n)
		rte_pktmbuf_free_bulk(m + sent, n - sent);
}

static void forward(void)
{
	struct rte_mbuf *m[BURST];

	while (!ended) {
		uint16_t kept = 0, port = 1, n = rte_eth_rx_burst(0, 0, m, BURST);

		for (uint16_t i = 0; i < n && i < AHEAD; i++)
			rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
		for (uint16_t i = 0; i < n; i++) {
			if (i + AHEAD < n)
				rte_prefetch0(rte_pktmbuf_mtod(m[i + AHEAD], void *));
			if (route(m[i], &port))         /* all routes lead to port 1 */
				m[kept++] = m[i];
			else
				rte_pktmbuf_free(m[i]);
		}
		if (kept)
			send_all(port, m, kept);
	}
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	struct rte_mempool *pool;

	if (used < 0 || argc - used != 3 || rte_eth_dev_count_avail() != 2)
		rte_exit(1, "usage: l3dpdk EAL-OPTIONS -- DST_MAC ROUTES (with two ports)\n");
	pool = rte_pktmbuf_pool_create("packets", MBUFS, MBUF_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool || rte_ether_unformat_addr(argv[used + 1], &next_hops[1].dst))
		rte_exit(1, "l3dpdk: no packet memory, or %s is not a MAC address\n", argv[used + 1]);
	next_hops[1].port = 1;
	fill_table(atoi(argv[used + 2]));
	port_start(0, pool);
	port_start(1, pool);
	rte_eth_macaddr_get(1, &next_hops[1].src);
	signal(SIGTERM, on_end);
	signal(SIGINT, on_end);
	printf("ready\n");
	fflush(stdout);
	forward();
	rte_eth_dev_stop(0);
	rte_eth_dev_stop(1);
	rte_eal_cleanup();
	return 0;
}
