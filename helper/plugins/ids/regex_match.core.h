/* SPDX-License-Identifier: MIT */
/* regex_match.core.h - payloads -> lowest-numbered expression that matches in each.
 *
 * Result: number of the expression, from 1; 0: none. The groups of the table are
 * walked one after the other; one that cannot lower the result is left out.
 *
 * A walk through a deterministic automaton is a chain of dependent loads, so the
 * CPU walks several payloads side by side, and one that ends makes room for the next.
 */
#include "plugins/ids/regex_table.h"

#define REGEX_NONE 0xffffffffu
#define REGEX_PART(type, table, at) ((FU_GLOBAL const type*)((table) + (fu_u64)(at)*64))

FU_CODE_BEGIN(ids)

#define REGEX_JOIN2(a, b) a##_##b
#define REGEX_JOIN(a, b) REGEX_JOIN2(a, b)
#define REGEX_NAME(name) REGEX_JOIN(name, REGEX_WORDS)
#define REGEX_WORDS 2
#include "plugins/ids/regex_nfa.part.h"
#undef REGEX_WORDS
#define REGEX_WORDS 4
#include "plugins/ids/regex_nfa.part.h"
#undef REGEX_WORDS
#define REGEX_WORDS 8
#include "plugins/ids/regex_nfa.part.h"
#undef REGEX_WORDS

/* A deterministic automaton. */
typedef struct regex_dfa_view {
  FU_GLOBAL const fu_u8* class_of;
  FU_GLOBAL const fu_u16* rows;
  FU_GLOBAL const fu_regex_info* info;
  fu_u32 classes;
  fu_u32 lowest;
} regex_dfa_view;

FU_FN void regex_dfa_open(regex_dfa_view* v, FU_GLOBAL const fu_u8* table, FU_GLOBAL const fu_regex_group* g) {
  v->class_of = REGEX_PART(fu_u8, table, g->class_at);
  v->rows = REGEX_PART(fu_u16, table, g->rows_at);
  v->info = REGEX_PART(fu_regex_info, table, g->info_at);
  v->classes = g->classes;
  v->lowest = g->lowest;
}

/* Notes what was found on entering `state`; true: nothing lower can follow. */
FU_FN int regex_dfa_event(const regex_dfa_view* v, fu_u32 state, fu_u32* best) {
  const fu_u32 match = v->info[state].match;
  const fu_u32 found = (match & ~FU_REGEX_DEAD) - 1; /* none: the highest number */
  if (found < *best) *best = found;
  return match >= FU_REGEX_DEAD || *best <= v->lowest;
}

FU_FN void regex_dfa_end(const regex_dfa_view* v, fu_u32 state, fu_u32* best) {
  const fu_u32 found = v->info[state].match_end - 1;
  if (found < *best) *best = found;
}

FU_FN fu_u32 regex_dfa_next(const regex_dfa_view* v, fu_u32 state, fu_u32 byte) {
  return v->rows[state * v->classes + v->class_of[byte]];
}

FU_FN fu_u32 regex_nfa(FU_GLOBAL const fu_u8* table, FU_GLOBAL const fu_regex_group* g, FU_GLOBAL const fu_u8* at,
                       fu_u32 length, fu_u32 best) {
  if (g->words == 2) return regex_nfa_2(table, g, at, length, best);
  if (g->words == 4) return regex_nfa_4(table, g, at, length, best);
  return regex_nfa_8(table, g, at, length, best);
}

#if FU_LANES == 1

FU_FN fu_u32 regex_dfa(FU_GLOBAL const fu_u8* table, FU_GLOBAL const fu_regex_group* g, FU_GLOBAL const fu_u8* at,
                       fu_u32 length, fu_u32 best) {
  regex_dfa_view v;
  fu_u32 state = 0;
  regex_dfa_open(&v, table, g);
  if (regex_dfa_event(&v, 0, &best)) return best;
  for (fu_u32 k = 0; k < length; ++k) {
    state = regex_dfa_next(&v, state, at[k]);
    if (state & FU_REGEX_EVENT) {
      state &= ~FU_REGEX_EVENT;
      if (regex_dfa_event(&v, state, &best)) return best;
    }
  }
  regex_dfa_end(&v, state, &best);
  return best;
}

FU_FN void regex_match_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  for (fu_u32 k = first; k < first + count; ++k) {
    fu_u32 best = REGEX_NONE;
    fu_u32 length = 0;
    if (t->table && fu_active(t, k)) {
      FU_GLOBAL const fu_u8* at = fu_range(t, k, &length);
      FU_GLOBAL const fu_regex_head* head = (FU_GLOBAL const fu_regex_head*)t->table;
      FU_GLOBAL const fu_regex_group* group = REGEX_PART(fu_regex_group, t->table, head->group_at);
      const fu_u32 groups = length ? head->groups : 0;
      for (fu_u32 g = 0; g < groups && best > group[g].lowest; ++g)
        best = group[g].kind == FU_REGEX_DFA ? regex_dfa(t->table, &group[g], at, length, best)
                                             : regex_nfa(t->table, &group[g], at, length, best);
    }
    fu_out(t, k)[0] = best + 1;
  }
}

#else

#define REGEX_LANES 8

typedef struct regex_lane {
  const fu_u8* at;
  const fu_u8* end;
  fu_u32 state;
  fu_u32 best;
  fu_u32 item;
} regex_lane;

/* The next item from *item on that this group can improve; false: there is none. */
FU_FN int regex_next_item(const fu_task* t, fu_u32 lowest, fu_u32* item, fu_u32 end, regex_lane* a) {
  while (*item < end) {
    const fu_u32 k = (*item)++;
    fu_u32 length;
    if (!fu_active(t, k)) continue;
    a->at = fu_range(t, k, &length);
    a->end = a->at + length;
    a->state = 0;
    a->best = *fu_out(t, k) - 1;
    a->item = k;
    if (length && a->best > lowest) return 1;
  }
  return 0;
}

FU_FN int regex_refill(const fu_task* t, const regex_dfa_view* v, fu_u32* item, fu_u32 end, regex_lane* a) {
  while (regex_next_item(t, v->lowest, item, end, a)) {
    if (!regex_dfa_event(v, 0, &a->best)) return 1;
    *fu_out(t, a->item) = a->best + 1; /* matched before the first byte */
  }
  return 0;
}

/* Up to `steps` bytes of `active` lanes; ends early where a lane has an event. Returns the steps made. */
FU_FN fu_u64 regex_walk(const regex_dfa_view* v, regex_lane* lane, fu_u32 active, fu_u64 steps) {
  for (fu_u64 k = 0; k < steps;) {
    fu_u32 events = 0;
    for (fu_u32 j = 0; j < active; ++j) {
      lane[j].state = regex_dfa_next(v, lane[j].state, lane[j].at[k]);
      events |= lane[j].state;
    }
    ++k;
    if (events & FU_REGEX_EVENT) return k;
  }
  return steps;
}

/* All items through one deterministic automaton. */
FU_FN void regex_dfa_items(const fu_task* t, const regex_dfa_view* v, fu_u32 item, fu_u32 end) {
  regex_lane lane[REGEX_LANES];
  fu_u32 active = 0;
  while (active < REGEX_LANES && regex_refill(t, v, &item, end, &lane[active])) ++active;
  while (active) {
    fu_u64 steps = ~(fu_u64)0;
    for (fu_u32 j = 0; j < active; ++j) {
      const fu_u64 left = (fu_u64)(lane[j].end - lane[j].at);
      if (left < steps) steps = left;
    }
    steps = active == REGEX_LANES ? regex_walk(v, lane, REGEX_LANES, steps) : regex_walk(v, lane, active, steps);
    for (fu_u32 j = active; j-- > 0;) {
      regex_lane* a = &lane[j];
      int done = 0;
      a->at += steps;
      if (a->state & FU_REGEX_EVENT) {
        a->state &= ~FU_REGEX_EVENT;
        done = regex_dfa_event(v, a->state, &a->best);
      }
      if (!done && a->at != a->end) continue;
      regex_dfa_end(v, a->state, &a->best);
      *fu_out(t, a->item) = a->best + 1;
      if (!regex_refill(t, v, &item, end, a)) *a = lane[--active];
    }
  }
}

FU_FN void regex_nfa_items(const fu_task* t, const fu_regex_group* g, fu_u32 item, fu_u32 end) {
  regex_lane a;
  while (regex_next_item(t, g->lowest, &item, end, &a))
    *fu_out(t, a.item) = regex_nfa(t->table, g, a.at, (fu_u32)(a.end - a.at), a.best) + 1;
}

FU_FN void regex_match_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  const fu_regex_head* head = (const fu_regex_head*)t->table;
  for (fu_u32 k = first; k < first + count; ++k) *fu_out(t, k) = 0;
  if (!head) return;
  const fu_regex_group* group = REGEX_PART(fu_regex_group, t->table, head->group_at);
  for (fu_u32 g = 0; g < head->groups; ++g) {
    if (group[g].kind == FU_REGEX_DFA) {
      regex_dfa_view v;
      regex_dfa_open(&v, t->table, &group[g]);
      regex_dfa_items(t, &v, first, first + count);
    } else {
      regex_nfa_items(t, &group[g], first, first + count);
    }
  }
}

#endif

FU_CODE_END
FU_KERNEL(ids, regex_match)
