/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * fulcrum_parse.h - Ethernet frame -> class, header offsets, flow hash.
 *
 * The one parser of the project: the XDP front-end and the helper (which replays
 * captures) include this file, so a packet has the same bucket everywhere.
 *
 * Classes. MALFORMED are only frames whose headers cannot be followed far enough
 * to hash them: what is wrong further in (lengths, checksums) is for the pipeline
 * to judge and to count. MULTICAST is all that a router leaves to its own stack:
 * group frames, and destinations that are multicast, broadcast, loopback,
 * link-local or unspecified.
 *
 * Hash: symmetric, endpoints (address, port) are mixed one by one and added.
 * Ports count for TCP, UDP, UDP-Lite, DCCP and SCTP with a whole header; any
 * fragment hashes by addresses alone, so that a datagram's fragments (of which
 * only the first knows the protocol behind its extension headers) stay together.
 */
#ifndef FULCRUM_PARSE_H
#define FULCRUM_PARSE_H

#include "fulcrum.h"

#ifdef __BPF__
#define FULCRUM_FN static inline __attribute__((always_inline))
#else
#define FULCRUM_FN static inline
#endif

enum fulcrum_pkt {
	FULCRUM_PKT_IP = 0,
	FULCRUM_PKT_NOT_IP = 1,
	FULCRUM_PKT_MALFORMED = 2,
	FULCRUM_PKT_MULTICAST = 3,
};

struct fulcrum_parsed {
	__u32 hash;
	__u16 l3_off;                   /* offsets as in struct fulcrum_meta        */
	__u16 l4_off;
	__u16 payload_off;              /* l4_off where TCP's data offset is absurd */
	__u8 proto;
	__u8 flags;                     /* FULCRUM_META_*                           */
	struct fulcrum_addr dst;        /* IPv4 as ::ffff:a.b.c.d                   */
};

enum {
	FULCRUM_ETH_BYTES = 14,
	FULCRUM_VLAN_TAGS = 2,
	FULCRUM_IP6_HEADERS = 6,        /* extension headers followed               */
};

/* Protocol numbers that matter here (IANA); <linux/in.h> has not all of them. */
enum {
	FULCRUM_PROTO_HOPOPTS = 0,
	FULCRUM_PROTO_TCP = 6,
	FULCRUM_PROTO_UDP = 17,
	FULCRUM_PROTO_DCCP = 33,
	FULCRUM_PROTO_ROUTING = 43,
	FULCRUM_PROTO_FRAGMENT = 44,
	FULCRUM_PROTO_ESP = 50,
	FULCRUM_PROTO_AH = 51,
	FULCRUM_PROTO_ICMP6 = 58,
	FULCRUM_PROTO_DSTOPTS = 60,
	FULCRUM_PROTO_SCTP = 132,
	FULCRUM_PROTO_UDPLITE = 136,
};

/* Read position in a frame. start <= pos <= end at any time. */
struct fulcrum_cursor {
	const __u8 *start;
	const __u8 *pos;
	const __u8 *end;
};

/* Whether `bytes` more stand at the cursor. The verifier learns from comparing
 * pointers; in C++ a pointer beyond the buffer is not to be formed at all. */
FULCRUM_FN int fulcrum_has(const struct fulcrum_cursor *c, __u32 bytes)
{
#ifdef __BPF__
	return c->pos + bytes <= c->end;
#else
	return (__u64)(c->end - c->pos) >= bytes;
#endif
}

FULCRUM_FN __u32 fulcrum_offset(const struct fulcrum_cursor *c)
{
	return (__u32)(c->pos - c->start);
}

/* Four bytes as they stand; frames give no alignment. BPF loads need none. */
FULCRUM_FN __u32 fulcrum_load32(const __u8 *p)
{
#ifdef __BPF__
	return *(const __u32 *)p;
#else
	__u32 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
#endif
}

FULCRUM_FN __u16 fulcrum_load_be16(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

FULCRUM_FN __u64 fulcrum_mix(__u64 x)
{
	x *= 0x9e3779b97f4a7c15ull;     /* odd constants: 2^64 / golden ratio ...   */
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;     /* ... and M. Rönnquist's rrmxmx            */
	return x ^ x >> 32;
}

FULCRUM_FN __u32 fulcrum_hash_ends(__u64 one, __u64 other, __u8 proto)
{
	return (__u32)fulcrum_mix(one + other + proto);
}

FULCRUM_FN __u64 fulcrum_end4(const __u8 *addr, __u32 port)
{
	return fulcrum_mix(fulcrum_load32(addr) | (__u64)port << 32);
}

FULCRUM_FN __u64 fulcrum_end6(const __u8 *addr, __u32 port)
{
	__u64 hi = (__u64)fulcrum_load32(addr) << 32 | fulcrum_load32(addr + 4);
	__u64 lo = (__u64)fulcrum_load32(addr + 8) << 32 | fulcrum_load32(addr + 12);

	return fulcrum_mix(fulcrum_mix(hi + port) + lo);
}

FULCRUM_FN int fulcrum_proto_has_ports(__u8 proto)
{
	return proto == FULCRUM_PROTO_TCP || proto == FULCRUM_PROTO_UDP || proto == FULCRUM_PROTO_SCTP ||
	       proto == FULCRUM_PROTO_DCCP || proto == FULCRUM_PROTO_UDPLITE;
}

/* Smallest whole header of a protocol that has ports. */
FULCRUM_FN __u32 fulcrum_proto_bytes(__u8 proto)
{
	if (proto == FULCRUM_PROTO_TCP)
		return 20;
	return proto == FULCRUM_PROTO_DCCP || proto == FULCRUM_PROTO_SCTP ? 12 : 8;
}

/* Cursor at L4, of which `room` bytes are there. Sets l4_off, payload_off;
 * returns source port << 16 | destination port, 0 where there are none. */
FULCRUM_FN __u32 fulcrum_parse_l4(const struct fulcrum_cursor *c, __u32 room, struct fulcrum_parsed *p)
{
	__u32 l4_off = fulcrum_offset(c), header = 0, ports = 0;

	if (fulcrum_proto_has_ports(p->proto)) {
		header = fulcrum_proto_bytes(p->proto);
		if (header > room || !fulcrum_has(c, 8))
			return 0;
		ports = (__u32)fulcrum_load_be16(c->pos) << 16 | fulcrum_load_be16(c->pos + 2);
		if (p->proto == FULCRUM_PROTO_TCP) {
			if (!fulcrum_has(c, 20))
				return 0;
			header = (c->pos[12] >> 4) * 4;
			if (header < 20 || header > room)
				header = 0;
		}
	}
	p->l4_off = (__u16)l4_off;
	p->payload_off = (__u16)(l4_off + header);
	return p->flags & FULCRUM_META_FRAGMENT ? 0 : ports;
}

/* Bytes of L4 at the cursor: by the IP header's word, never more than the frame
 * has. An IP length that cannot be (0: segmentation offload) does not count. */
FULCRUM_FN __u32 fulcrum_l4_room(const struct fulcrum_cursor *c, __u32 l3_off, __u32 l3_bytes)
{
	__u32 room = (__u32)(c->end - c->pos), done = fulcrum_offset(c) - l3_off;

	return l3_bytes >= done && l3_bytes - done < room ? l3_bytes - done : room;
}

FULCRUM_FN int fulcrum_is_kernels4(__u8 first)
{
	return first == 0 || first == 127 || (first & 0xf0) == 0xe0;
}

FULCRUM_FN int fulcrum_parse_ip4(struct fulcrum_cursor *c, struct fulcrum_parsed *p)
{
	const __u8 *ip = c->pos;
	__u32 header, ports = 0;
	__u16 fragment;

	if (!fulcrum_has(c, 20) || ip[0] >> 4 != 4)
		return FULCRUM_PKT_MALFORMED;
	header = (ip[0] & 15u) * 4;
	if (header < 20 || !fulcrum_has(c, header))
		return FULCRUM_PKT_MALFORMED;
	p->flags |= FULCRUM_META_IP4;
	p->proto = ip[9];
	p->dst.word[2] = __builtin_bswap32(0xffff);
	p->dst.word[3] = fulcrum_load32(ip + 16);
	fragment = fulcrum_load_be16(ip + 6) & 0x3fff;
	if (fragment)
		p->flags |= FULCRUM_META_FRAGMENT;
	c->pos += header;
	if (!(fragment & 0x1fff))
		ports = fulcrum_parse_l4(c, fulcrum_l4_room(c, p->l3_off, fulcrum_load_be16(ip + 2)), p);
	p->hash = fulcrum_hash_ends(fulcrum_end4(ip + 12, ports >> 16), fulcrum_end4(ip + 16, ports & 0xffff),
				    fragment ? 0 : p->proto);
	if (fulcrum_is_kernels4(ip[16]) || p->dst.word[3] == 0xffffffffu)
		return FULCRUM_PKT_MULTICAST;
	return FULCRUM_PKT_IP;
}

FULCRUM_FN int fulcrum_proto_is_extension(__u8 proto)
{
	return proto == FULCRUM_PROTO_HOPOPTS || proto == FULCRUM_PROTO_ROUTING || proto == FULCRUM_PROTO_FRAGMENT ||
	       proto == FULCRUM_PROTO_AH || proto == FULCRUM_PROTO_DSTOPTS;
}

/* Steps over one extension header. 1: done; 0: p->proto is not one; -1: cut.
 * `tail` is set at a fragment that is not the first. */
FULCRUM_FN int fulcrum_skip_ip6(struct fulcrum_cursor *c, struct fulcrum_parsed *p, int *tail)
{
	__u32 bytes;
	__u16 fragment;

	if (!fulcrum_proto_is_extension(p->proto))
		return 0;
	if (!fulcrum_has(c, 8))
		return -1;
	bytes = (c->pos[1] + 1u) * 8;
	if (p->proto == FULCRUM_PROTO_AH) /* in words, RFC 4302 2.2 */
		bytes = (c->pos[1] + 2u) * 4;
	if (p->proto == FULCRUM_PROTO_FRAGMENT) {
		bytes = 8;
		fragment = fulcrum_load_be16(c->pos + 2) & 0xfff9;
		if (fragment)           /* else an atomic one, RFC 6946: whole      */
			p->flags |= FULCRUM_META_FRAGMENT;
		*tail = fragment >> 3 != 0;
	}
	if (!fulcrum_has(c, bytes))
		return -1;
	p->proto = c->pos[0];
	c->pos += bytes;
	return 1;
}

/* Cursor to L4. 0, or -1: chain is cut or too long; `tail` as above. */
FULCRUM_FN int fulcrum_skip_ip6_all(struct fulcrum_cursor *c, struct fulcrum_parsed *p, int *tail)
{
	int i, step;

	for (i = 0; i <= FULCRUM_IP6_HEADERS; i++) {
		step = fulcrum_skip_ip6(c, p, tail);
		if (step <= 0 || *tail)
			return step < 0 ? -1 : 0;
	}
	return -1;
}

FULCRUM_FN int fulcrum_is_kernels6(const struct fulcrum_addr *a)
{
	__u32 first = __builtin_bswap32(a->word[0]);

	if (first >> 24 == 0xff || first >> 22 == 0xfe80 >> 6)
		return 1;               /* multicast, link-local                    */
	return !(a->word[0] | a->word[1] | a->word[2]) && __builtin_bswap32(a->word[3]) <= 1;
}

FULCRUM_FN int fulcrum_parse_ip6(struct fulcrum_cursor *c, struct fulcrum_parsed *p)
{
	const __u8 *ip = c->pos;
	__u32 ports = 0, bytes;
	int tail = 0, cut, fragment;

	if (!fulcrum_has(c, 40) || ip[0] >> 4 != 6)
		return FULCRUM_PKT_MALFORMED;
	p->flags |= FULCRUM_META_IP6;
	p->proto = ip[6];
	p->dst.word[0] = fulcrum_load32(ip + 24);
	p->dst.word[1] = fulcrum_load32(ip + 28);
	p->dst.word[2] = fulcrum_load32(ip + 32);
	p->dst.word[3] = fulcrum_load32(ip + 36);
	bytes = fulcrum_load_be16(ip + 4);
	c->pos += 40;
	cut = fulcrum_skip_ip6_all(c, p, &tail);
	fragment = p->flags & FULCRUM_META_FRAGMENT;
	if (cut && !fragment)
		return FULCRUM_PKT_MALFORMED;
	if (!cut && !tail)              /* length 0: jumbo, as long as the frame    */
		ports = fulcrum_parse_l4(c, fulcrum_l4_room(c, p->l3_off, bytes ? bytes + 40 : 0), p);
	p->hash = fulcrum_hash_ends(fulcrum_end6(ip + 8, ports >> 16), fulcrum_end6(ip + 24, ports & 0xffff),
				    fragment ? 0 : p->proto);
	return fulcrum_is_kernels6(&p->dst) ? FULCRUM_PKT_MULTICAST : FULCRUM_PKT_IP;
}

/* Parses the frame [data, data_end). Returns enum fulcrum_pkt; `p` is complete
 * for IP and MULTICAST, as far as it got for the others. */
FULCRUM_FN int fulcrum_parse(const void *data, const void *data_end, struct fulcrum_parsed *p)
{
	struct fulcrum_cursor c = { (const __u8 *)data, (const __u8 *)data, (const __u8 *)data_end };
	__u16 type;
	int tags, class_;

	__builtin_memset(p, 0, sizeof(*p));
	if (!fulcrum_has(&c, FULCRUM_ETH_BYTES))
		return FULCRUM_PKT_MALFORMED;
	type = fulcrum_load_be16(c.pos + 12);
	c.pos += FULCRUM_ETH_BYTES;
	for (tags = 0; tags < FULCRUM_VLAN_TAGS && (type == 0x8100 || type == 0x88a8); tags++) {
		if (!fulcrum_has(&c, 4))
			return FULCRUM_PKT_MALFORMED;
		type = fulcrum_load_be16(c.pos + 2);
		c.pos += 4;
		p->flags |= FULCRUM_META_VLAN;
	}
	p->l3_off = (__u16)fulcrum_offset(&c);
	if (type == 0x0800)
		class_ = fulcrum_parse_ip4(&c, p);
	else if (type == 0x86dd)
		class_ = fulcrum_parse_ip6(&c, p);
	else
		return FULCRUM_PKT_NOT_IP;
	if (class_ == FULCRUM_PKT_IP && (c.start[0] & 1))
		return FULCRUM_PKT_MULTICAST;
	return class_;
}

#endif
