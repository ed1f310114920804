/* SPDX-License-Identifier: GPL-2.0 */
/*
 * maps_shared.h - the maps that the front-end and inline programs both use.
 *
 * Pinned by name under FULCRUM_PIN_DIR: by iproute2 when the front-end is
 * attached, found there by whoever loads an inline program.
 */
#ifndef FULCRUM_MAPS_SHARED_H
#define FULCRUM_MAPS_SHARED_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "fulcrum.h"

/* Configuration by ifindex. Writer: helper, whole elements; without
 * preallocation a reader keeps the element it found while that is replaced. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FULCRUM_MAX_PORTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct fulcrum_port);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_port SEC(".maps");

/* Counters by (ifindex, queue). Writer: the queue's NAPI; the helper creates. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FULCRUM_MAX_SLOTS);
	__type(key, struct fulcrum_queue_key);
	__type(value, struct fulcrum_queue);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_queue SEC(".maps");

/* Counters of packets that belong to no queue known. Writer: XDP. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fulcrum_global);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_global SEC(".maps");

#endif
