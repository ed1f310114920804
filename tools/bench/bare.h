/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* bare.h - the burst that bare.c and bare.bpf.c share. */
#ifndef FULCRUM_BENCH_BARE_H
#define FULCRUM_BENCH_BARE_H
#include <linux/types.h>

#define BARE_PACKET_BYTES 1792          /* what copy mode leaves of a 2,048-byte frame */
#define BARE_BURST 256                  /* power of two */

struct bare_burst {                     /* written by bare.c, taken from by way_back */
	__u32 next;
	__u32 out_ifindex;
	struct {
		__u32 len_bytes, pad;
		__u8 bytes[BARE_PACKET_BYTES];
	} packet[BARE_BURST];
};
#endif
