/* SPDX-License-Identifier: MIT */
/* regex_table.h - layout of the flat automata that RegexMatch's kernel walks.
 *
 * Expressions are spread over groups; each group is one automaton that is walked
 * over the payload on its own. Two kinds:
 *
 * FU_REGEX_DFA: one state at a time. rows: u16 [states][classes], next state by
 * byte class, with FU_REGEX_EVENT where info[next] is worth a look. State 0 is
 * the start.
 *
 * FU_REGEX_NFA: a set of states, one bit each, in `words` words of 64 bits
 * (Navarro and Raffinot, "Compact DFA representation for fast regular expression
 * search", 2001; words, shift and exceptions as Hyperscan's LimEx). After a byte
 * of class c:
 *   next = ((now & shift) << 1 | now & loop | always | rows of now & jump) & reads[c]
 * No shift crosses a word. State 0 is the start, in the set before the first byte.
 *
 * The table is one block without pointers; parts are found by `_at`, in units of
 * 64 bytes from its start. Words are in host order. Written once, then read only.
 */
#ifndef FULCRUM_IDS_REGEX_TABLE_H
#define FULCRUM_IDS_REGEX_TABLE_H

#include "fulcrum/kernel_code.h"

FU_TABLE_BEGIN(ids)

#define FU_REGEX_MAGIC 0x46524531u /* "FRE1" */
#define FU_REGEX_DFA 0
#define FU_REGEX_NFA 1
#define FU_REGEX_EVENT 0x8000u
#define FU_REGEX_DEAD 0x80000000u
#define FU_REGEX_MAX_STATES 0x8000u /* of a DFA */
#define FU_REGEX_MAX_WORDS 8        /* of an NFA */

typedef struct fu_regex_head {
  fu_u32 magic;
  fu_u32 groups;
  fu_u32 group_at; /* fu_regex_group [groups], by lowest expression */
  fu_u32 expressions;
} fu_regex_head;

typedef struct fu_regex_group {
  fu_u32 kind;
  fu_u32 lowest;   /* expression, from 0: a result that is not above it cannot get better here */
  fu_u32 class_at; /* u8 [256]: class of a byte */
  fu_u32 classes;
  fu_u32 states;
  fu_u32 rows_at;  /* DFA: above. NFA: u64 [states][words]: where a jump goes */
  fu_u32 info_at;  /* fu_regex_info [states] */
  fu_u32 words;    /* NFA: 2, 4 or 8 */
  fu_u32 reads_at; /* NFA: u64 [classes][words] */
  fu_u32 masks_at; /* NFA: u64 [6][words]: shift, loop, always, jump, match, match at the end */
  fu_u32 pad[6];
} fu_regex_group;

/* Expressions from 1; 0: none. DFA: `match` when the state is entered (with
 * FU_REGEX_DEAD: no lower one can follow), `match_end` when the text ends in it.
 * NFA: `match` is the expression that the state belongs to. */
typedef struct fu_regex_info {
  fu_u32 match;
  fu_u32 match_end;
} fu_regex_info;

FU_TABLE_END

#endif
