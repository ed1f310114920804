/* SPDX-License-Identifier: MIT */
/* payload_match.core.h - payloads -> lowest-numbered pattern in each.
 *
 * A walk through the automaton is a chain of dependent loads, so several payloads
 * are walked side by side; a lane that ends takes the next payload.
 */
#include "fulcrum/kernel_code.h"
#include "plugins/ids/match_walk.part.h"

FU_CODE_BEGIN(ids)

typedef struct match_lane {
  FU_GLOBAL const fu_u8* at;
  FU_GLOBAL const fu_u8* end;
  fu_u32 state;
  fu_u32 best; /* lowest pattern so far, or MATCH_NONE */
  fu_u32 item;
} match_lane;

/* The lane stands behind the last byte of the patterns that end in its state. */
FU_FN void match_outputs(const match_view* v, match_lane* a) {
  fu_u32 o = v->states[a->state].output;
  while (o != MATCH_NONE && v->outputs[o].lowest < a->best) {
    fu_u32 p = v->outputs[o].pattern;
    if (p < a->best && match_text(v, p, a->at)) a->best = p;
    o = v->outputs[o].next;
  }
}

FU_FN void match_step(const match_view* v, match_lane* a) {
  fu_u32 next = match_next(v, a->state, *a->at++);
  a->state = next & ~MATCH_OUTPUT_BIT;
  if (next & MATCH_OUTPUT_BIT) match_outputs(v, a);
}

/* Gives the lane the next payload that is not empty, from *next on; 0: there is none before `end`. */
FU_FN int match_refill(const fu_task* t, fu_u32* next, fu_u32 end, match_lane* a) {
  while (*next < end) {
    fu_u32 length, k = (*next)++;
    FU_GLOBAL const fu_u8* payload = fu_range(t, k, &length);
    fu_out(t, k)[0] = 0;
    if (!length || !fu_active(t, k)) continue;
    a->at = payload;
    a->end = payload + length;
    a->state = 0;
    a->best = MATCH_NONE;
    a->item = k;
    return 1;
  }
  return 0;
}

#if FU_LANES == 1
/* An array of one lane would be kept in memory. */
FU_FN void payload_match_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  match_view v;
  match_lane a;
  fu_u32 next = first;
  if (match_nothing(t, first, count, 1)) return;
  v = match_open(t->table);
  while (match_refill(t, &next, first + count, &a)) {
    while (a.at != a.end && a.best != 0) match_step(&v, &a);
    fu_out(t, a.item)[0] = a.best + 1; /* MATCH_NONE + 1 is 0 */
  }
}
#else
FU_FN void payload_match_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  match_view v;
  match_lane lane[MATCH_LANES];
  fu_u32 j, next = first, active = 0;
  if (match_nothing(t, first, count, 1)) return;
  v = match_open(t->table);
  while (active < MATCH_LANES && match_refill(t, &next, first + count, &lane[active])) ++active;
  while (active) {
    fu_u64 steps = ~(fu_u64)0;
    for (j = 0; j < active; ++j) {
      fu_u64 left = (fu_u64)(lane[j].end - lane[j].at);
      if (left < steps) steps = left;
    }
    if (active == MATCH_LANES) {
      for (; steps; --steps)
        for (j = 0; j < MATCH_LANES; ++j) match_step(&v, &lane[j]);
    } else {
      for (; steps; --steps)
        for (j = 0; j < active; ++j) match_step(&v, &lane[j]);
    }
    for (j = active; j-- > 0;) {
      if (lane[j].at != lane[j].end && lane[j].best != 0) continue;
      fu_out(t, lane[j].item)[0] = lane[j].best + 1; /* MATCH_NONE + 1 is 0 */
      if (!match_refill(t, &next, first + count, &lane[j])) lane[j] = lane[--active];
    }
  }
}
#endif

FU_CODE_END

FU_KERNEL(ids, payload_match)
