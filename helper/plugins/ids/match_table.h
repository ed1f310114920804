/* SPDX-License-Identifier: MIT */
/* match_table.h - layout of the flat pattern automaton that every device reads.
 *
 * Aho and Corasick, "Efficient string matching: an aid to bibliographic search",
 * CACM 1975, stored in two forms. States are numbered breadth first. The first
 * `dense_states` have a full row of next states by byte class, failures resolved:
 * one load a byte; nearly all traffic stays there. The others have a failure
 * link and their children, which breadth-first numbering makes neighbours.
 *
 * Letter case: where some pattern ignores case, the automaton runs on bytes
 * folded to lower case, and a pattern that heeds case is compared with the packet
 * when it ends. The answer is exact either way.
 *
 * The table is one block without pointers: parts are found by byte offset from
 * its start. Words are in host order.
 *
 * Units: rows up to MATCH_DENSE_BYTES in all (4 bytes a class), 17 bytes a state.
 * Measured: 1.4 MiB for 300 real patterns, 9 MiB for 3,000, 11 MiB for 16,000.
 */
#ifndef FULCRUM_IDS_MATCH_TABLE_H
#define FULCRUM_IDS_MATCH_TABLE_H

#include "fulcrum/kernel_code.h"

#define MATCH_MAGIC 0x46504131u /* "FPA1" */
#define MATCH_DENSE_BYTES (8u * 1024 * 1024)
#define MATCH_NONE 0xffffffffu
#define MATCH_LISTED 7u /* matches of a packet that payload_match_all can list */
#define MATCH_OUTPUT_BIT 0x80000000u /* of a next state: patterns end there */

FU_TABLE_BEGIN(ids)

typedef struct MatchHeader {
  fu_u32 magic;
  fu_u32 classes; /* byte classes; 0 is "in no pattern" */
  fu_u32 states;
  fu_u32 dense_states; /* at least 1: the root */
  fu_u32 patterns;
  fu_u32 pad;
  fu_u64 bytes;             /* whole block */
  fu_u64 row_off_bytes;     /* u32 [dense_states][classes] */
  fu_u64 state_off_bytes;   /* MatchState [states] */
  fu_u64 label_off_bytes;   /* u8 [states]: class on the way into the state */
  fu_u64 output_off_bytes;  /* MatchOutput [..] */
  fu_u64 pattern_off_bytes; /* MatchPattern [patterns] */
  fu_u64 text_off_bytes;    /* bytes of patterns that heed case */
  fu_u8 class_of[256];      /* by byte, folding included */
} MatchHeader;

typedef struct MatchState {
  fu_u32 fail;
  fu_u32 first_child;
  fu_u32 child_count;
  fu_u32 output; /* index of its first MatchOutput, or MATCH_NONE */
} MatchState;

/* Patterns that end in a state: its own by number, then those of its suffixes. */
typedef struct MatchOutput {
  fu_u32 pattern;
  fu_u32 lowest; /* of this and all that follow */
  fu_u32 next;   /* index, or MATCH_NONE */
} MatchOutput;

typedef struct MatchPattern {
  fu_u32 text_at; /* MATCH_NONE: the automaton's word is enough */
  fu_u32 length_bytes;
} MatchPattern;

FU_TABLE_END

#if defined(__cplusplus)
static_assert(sizeof(fulcrum::ids::MatchHeader) == 336);
#endif

#endif /* FULCRUM_IDS_MATCH_TABLE_H */
