/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tail.h - jump to a port's inline program.
 *
 * With a constant index the JIT patches a direct jump in; a variable one is an
 * indirect jump, which behind retpolines was measured at 14 ns against 1 ns. The
 * helper hands out slots from 0 up, so the first ones are spelt out.
 */
#ifndef FULCRUM_TAIL_H
#define FULCRUM_TAIL_H

#include "maps.h"

/* Returns only if there is no program. */
static __always_inline void tail_inline(struct xdp_md *ctx, __u32 slot)
{
	if (slot == 0)
		bpf_tail_call_static(ctx, &fu1_inline, 0);
	else if (slot == 1)
		bpf_tail_call_static(ctx, &fu1_inline, 1);
	else if (slot == 2)
		bpf_tail_call_static(ctx, &fu1_inline, 2);
	else if (slot == 3)
		bpf_tail_call_static(ctx, &fu1_inline, 3);
	else
		bpf_tail_call(ctx, &fu1_inline, slot);
}

#endif
