/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* return.h - a worker's burst, shared by return.bpf.c and the helper. */
#ifndef FULCRUM_RETURN_H
#define FULCRUM_RETURN_H

#define FULCRUM_RETURN_BURST 256
/* Where in its frame a packet may start: 256 as received, less what elements
 * put in front (128), more what they took away. */
#define FULCRUM_RETURN_OFF_MIN 128
#define FULCRUM_RETURN_OFF_SPAN 256     /* power of two                         */

struct fulcrum_return_desc {
	__u32 frame;            /* index of the frame in the UMEM               */
	__u16 off;              /* of the packet's first byte in the frame,     */
				/* less FULCRUM_RETURN_OFF_MIN                  */
	__u16 len;
	__u32 ifindex;          /* output port; 0: the kernel stack             */
	__u8 l2[12];            /* Ethernet addresses, destination first        */
	__u16 l2_valid;         /* bit 0: write the destination, bit 1: source  */
	__u16 timed;            /* not to be sent after deadline_ns             */
};

struct fulcrum_return_burst {
	__u32 next;             /* descriptor of the next call                  */
	__u32 bad;              /* descriptors refused, ever                    */
	__u32 late;             /* descriptors dropped after the deadline, ever */
	__u32 pad0;
	__u64 deadline_ns;      /* CLOCK_MONOTONIC                              */
	__u32 pad[10];
	struct fulcrum_return_desc desc[FULCRUM_RETURN_BURST];
};

#endif
