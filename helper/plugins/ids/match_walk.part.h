/* SPDX-License-Identifier: MIT */
/* match_walk.part.h - one step through the pattern automaton, for the kernels that search. */
#include "plugins/ids/match_table.h"

FU_CODE_BEGIN(ids)

/* More lanes do not fit the registers. */
#define MATCH_LANES (FU_LANES < 6 ? FU_LANES : 6)

typedef struct match_view {
  FU_GLOBAL const MatchHeader* head;
  FU_GLOBAL const fu_u32* rows;
  FU_GLOBAL const MatchState* states;
  FU_GLOBAL const fu_u8* labels;
  FU_GLOBAL const MatchOutput* outputs;
  FU_GLOBAL const MatchPattern* patterns;
  FU_GLOBAL const fu_u8* text;
  fu_u32 classes;
  fu_u32 dense_states;
} match_view;

FU_FN match_view match_open(FU_GLOBAL const fu_u8* table) {
  match_view v;
  v.head = (FU_GLOBAL const MatchHeader*)table;
  v.rows = (FU_GLOBAL const fu_u32*)(table + v.head->row_off_bytes);
  v.states = (FU_GLOBAL const MatchState*)(table + v.head->state_off_bytes);
  v.labels = table + v.head->label_off_bytes;
  v.outputs = (FU_GLOBAL const MatchOutput*)(table + v.head->output_off_bytes);
  v.patterns = (FU_GLOBAL const MatchPattern*)(table + v.head->pattern_off_bytes);
  v.text = table + v.head->text_off_bytes;
  v.classes = v.head->classes;
  v.dense_states = v.head->dense_states;
  return v;
}

/* Next state, with MATCH_OUTPUT_BIT where patterns end. */
FU_FN fu_u32 match_next(const match_view* v, fu_u32 state, fu_u8 byte) {
  fu_u32 c = v->head->class_of[byte];
  while (state >= v->dense_states) {
    FU_GLOBAL const MatchState* s = v->states + state;
    fu_u32 k;
    for (k = 0; k < s->child_count; ++k) {
      fu_u32 child = s->first_child + k;
      if (v->labels[child] == c) return v->states[child].output == MATCH_NONE ? child : child | MATCH_OUTPUT_BIT;
    }
    state = s->fail;
  }
  return v->rows[state * v->classes + c];
}

/* Does the pattern stand before `end`, letter case heeded? */
FU_FN int match_text(const match_view* v, fu_u32 pattern, FU_GLOBAL const fu_u8* end) {
  FU_GLOBAL const MatchPattern* p = v->patterns + pattern;
  fu_u32 k;
  if (p->text_at == MATCH_NONE) return 1;
  for (k = 0; k < p->length_bytes; ++k)
    if (v->text[p->text_at + k] != *(end - p->length_bytes + k)) return 0;
  return 1;
}

/* While there is no table nothing matches: the first `words` of each out record are 0. 0: there is one. */
FU_FN int match_nothing(const fu_task* t, fu_u32 first, fu_u32 count, fu_u32 words) {
  fu_u32 k, w;
  if (t->table) return 0;
  for (k = first; k < first + count; ++k)
    for (w = 0; w < words; ++w) fu_out(t, k)[w] = 0;
  return 1;
}

FU_CODE_END
