/* SPDX-License-Identifier: MIT */
/* lpm_table.h - layout of the flat longest-prefix table that every device reads.
 *
 * Poptrie: Asai and Ohara, "Poptrie: A Compressed Trie with Population Count for
 * Fast and Scalable Software IP Routing Table Lookup", SIGCOMM 2015. A directly
 * indexed root per family, then nodes of 64 slots: `vector` marks slots that have
 * a child node, `leafvec` the slots where a new run of equal leaves begins; a
 * population count turns a slot into an index, so that only used slots take room.
 *
 * The table is one block without pointers: parts are found by byte offset from
 * its start, so it can be copied to any device. Words are in host order.
 *
 * Units: 24 bytes a node, 4 a leaf, 4 a root slot. Measured: about 10 MiB for
 * 900,000 IPv4 and 160,000 IPv6 prefixes, 32 KiB for a few routes.
 */
#ifndef FULCRUM_ROUTE_LPM_TABLE_H
#define FULCRUM_ROUTE_LPM_TABLE_H

#include "fulcrum/kernel_code.h"

#define LPM_MAGIC 0x46504c31u /* "FPL1" */
#define LPM_LEAF 0x80000000u  /* root slot holds a leaf, else a node index */

/* A result is tag << LPM_TAG_SHIFT | next-hop index, or 0 where nothing matched. The
 * tag names the version, so that late results find the next hops they index. */
#define LPM_TAG_SHIFT 22
#define LPM_MAX_NEXT_HOPS (1u << LPM_TAG_SHIFT)
#define LPM_TAG_MASK ((1u << (32 - LPM_TAG_SHIFT)) - 1)

FU_TABLE_BEGIN(route)

typedef struct LpmFamily {
  fu_u32 root_bits; /* 1..20 address bits index the root */
  fu_u32 root_off_bytes;
} LpmFamily;

typedef struct LpmHeader {
  fu_u32 magic;
  fu_u32 tag;   /* already shifted */
  fu_u64 bytes; /* whole block */
  fu_u64 node_off_bytes;
  fu_u64 leaf_off_bytes;
  LpmFamily family[2]; /* IPv4, IPv6 */
} LpmHeader;

typedef struct LpmNode {
  fu_u64 vector;
  fu_u64 leafvec;
  fu_u32 leaf_base;
  fu_u32 child_base;
} LpmNode;

FU_TABLE_END

#if defined(__cplusplus)
static_assert(sizeof(fulcrum::route::LpmNode) == 24 && sizeof(fulcrum::route::LpmHeader) == 48);
#endif

#endif /* FULCRUM_ROUTE_LPM_TABLE_H */
