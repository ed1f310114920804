/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/*
 * fulcrum_inline.h - what the helper sets in an inline program before loading it.
 *
 * The plan is the only constant data of the program, so the whole content of its
 * ".rodata" map is one struct fulcrum_inline_plan.
 */
#ifndef FULCRUM_INLINE_H
#define FULCRUM_INLINE_H

#include "fulcrum.h"

#define FULCRUM_INLINE_OUT 16

struct fulcrum_inline_plan {
	__u8 ip4;                       /* route this family; else its packets      */
	__u8 ip6;                       /* go by bad4, bad6                         */
	__u8 check4;                    /* verify the header before routing         */
	__u8 check6;
	enum fulcrum_verdict bad4;      /* failed check                             */
	enum fulcrum_verdict bad6;
	enum fulcrum_verdict no_route4; /* nothing to send to, or out of no port    */
	enum fulcrum_verdict no_route6;
	enum fulcrum_verdict expired4;  /* TTL or hop limit ends here               */
	enum fulcrum_verdict expired6;
	__u8 pad[2];
	/* Ports to send to, zeros behind the last one. All zero: every interface in
	 * fu1_port, which costs a map lookup a packet. */
	__u32 out_ifindex[FULCRUM_INLINE_OUT];
};
FULCRUM_ASSERT(sizeof(struct fulcrum_inline_plan) == 12 + 4 * FULCRUM_INLINE_OUT, "no holes");

#endif
