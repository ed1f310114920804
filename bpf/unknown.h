/* SPDX-License-Identifier: GPL-2.0 */
/* unknown.h - packets of ports and queues that no helper has claimed. */
#ifndef FULCRUM_UNKNOWN_H
#define FULCRUM_UNKNOWN_H

#include "maps_shared.h"

static __always_inline struct fulcrum_global *global_counters(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&fu1_global, &key);
}

static __always_inline void count_unknown_port(void)
{
	struct fulcrum_global *g = global_counters();

	if (g)
		g->pass_unknown_port++;
}

static __always_inline void count_unknown_queue(void)
{
	struct fulcrum_global *g = global_counters();

	if (g)
		g->pass_unknown_queue++;
}

#endif
