/* SPDX-License-Identifier: MIT */
/* payload_match_all.core.h - payloads -> every match, with its pattern and end.
 *
 * Walked as in payload_match.core.h. A payload with more matches than its columns
 * hold is given up at once: the element searches it again on the cpu.
 */
#include "fulcrum/kernel_code.h"
#include "plugins/ids/match_walk.part.h"

FU_CODE_BEGIN(ids)

typedef struct match_all_lane {
  FU_GLOBAL const fu_u8* at;
  FU_GLOBAL const fu_u8* end;
  FU_GLOBAL const fu_u8* payload;
  FU_GLOBAL fu_u32* out; /* result, number of matches, pairs */
  fu_u32 state;
} match_all_lane;

/* Puts a match among those that end at the same byte; earlier ones stand before it already. */
FU_FN void match_all_insert(match_all_lane* a, fu_u32 pattern) {
  const fu_u32 end = (fu_u32)(a->at - a->payload);
  fu_u32 k = a->out[1]++;
  if (k >= MATCH_LISTED) return;
  for (; k > 0 && a->out[2 * k + 1] == end && a->out[2 * k] > pattern; --k) {
    a->out[2 * k + 2] = a->out[2 * k];
    a->out[2 * k + 3] = end;
  }
  a->out[2 * k + 2] = pattern;
  a->out[2 * k + 3] = end;
}

FU_FN void match_all_outputs(const match_view* v, match_all_lane* a) {
  fu_u32 o = v->states[a->state].output;
  for (; o != MATCH_NONE && a->out[1] <= MATCH_LISTED; o = v->outputs[o].next) {
    const fu_u32 p = v->outputs[o].pattern;
    if (!match_text(v, p, a->at)) continue;
    if (p < a->out[0] - 1) a->out[0] = p + 1; /* 0 - 1 is above all */
    match_all_insert(a, p);
  }
  if (a->out[1] > MATCH_LISTED) a->end = a->at;
}

FU_FN void match_all_step(const match_view* v, match_all_lane* a) {
  const fu_u32 next = match_next(v, a->state, *a->at++);
  a->state = next & ~MATCH_OUTPUT_BIT;
  if (next & MATCH_OUTPUT_BIT) match_all_outputs(v, a);
}

/* Gives the lane the next payload that is not empty, from *next on; 0: there is none before `end`. */
FU_FN int match_all_refill(const fu_task* t, fu_u32* next, fu_u32 end, match_all_lane* a) {
  while (*next < end) {
    fu_u32 length, w;
    const fu_u32 k = (*next)++;
    a->payload = a->at = fu_range(t, k, &length);
    a->end = a->at + length;
    a->state = 0;
    a->out = fu_out(t, k);
    for (w = 0; w < 2 + 2 * MATCH_LISTED; ++w) a->out[w] = 0; /* unused pairs too: a record is compared whole */
    if (length && fu_active(t, k)) return 1;
  }
  return 0;
}

#if FU_LANES == 1
/* An array of one lane would be kept in memory. */
FU_FN void payload_match_all_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  match_view v;
  match_all_lane a;
  fu_u32 next = first;
  if (match_nothing(t, first, count, 2)) return;
  v = match_open(t->table);
  while (match_all_refill(t, &next, first + count, &a))
    while (a.at != a.end) match_all_step(&v, &a);
}
#else
FU_FN void payload_match_all_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  match_view v;
  match_all_lane lane[MATCH_LANES];
  fu_u32 j, next = first, active = 0;
  if (match_nothing(t, first, count, 2)) return;
  v = match_open(t->table);
  while (active < MATCH_LANES && match_all_refill(t, &next, first + count, &lane[active])) ++active;
  while (active) {
    for (j = 0; j < active; ++j) match_all_step(&v, &lane[j]);
    for (j = active; j-- > 0;)
      if (lane[j].at == lane[j].end && !match_all_refill(t, &next, first + count, &lane[j])) lane[j] = lane[--active];
  }
}
#endif

FU_CODE_END

FU_KERNEL(ids, payload_match_all)
