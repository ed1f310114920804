/* SPDX-License-Identifier: GPL-2.0 */
/* maps.h - every map of the front-end; include/uapi/fulcrum.h is the reference. */
#ifndef FULCRUM_MAPS_H
#define FULCRUM_MAPS_H

#include "maps_shared.h"

/* Heartbeat, credit and retired places by slot. Writer: the slot's worker. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FULCRUM_MAX_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct fulcrum_beat);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_beat SEC(".maps");

/* Places given out and each bucket's last one, by slot. Writer: the queue's NAPI. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FULCRUM_MAX_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct fulcrum_order);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_order SEC(".maps");

/* Addresses of this machine. Writer: helper. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fulcrum_addr);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_local SEC(".maps");

/* AF_XDP sockets by slot * RINGS + ring. Writer: helper; the kernel empties a
 * place when its socket closes. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, FULCRUM_MAX_SLOTS * FULCRUM_RINGS);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_xsk SEC(".maps");

/* What stands in fu1_xsk, for people: an XSKMAP cannot be read. Writer: helper. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FULCRUM_MAX_SLOTS * FULCRUM_RINGS);
	__type(key, struct fulcrum_sock_key);
	__type(value, struct fulcrum_sock);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_sock SEC(".maps");

/* Inline programs by fulcrum_port.inline_slot. Writer: helper. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, FULCRUM_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} fu1_inline SEC(".maps");

#endif
