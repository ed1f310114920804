/* SPDX-License-Identifier: MIT */
/* regex_nfa.part.h - one payload through a set of states of REGEX_WORDS words.
 *
 * Included by regex_match.core.h once for each REGEX_WORDS, which makes
 * regex_nfa_2(), regex_nfa_4() and regex_nfa_8(). The number is a constant in the
 * source so that the set lives in registers: vectors on the CPU, words on GPUs.
 */

/* Lowest expression of the states in `hit`, or `best` where that is lower. */
FU_FN fu_u32 REGEX_NAME(regex_nfa_best)(FU_GLOBAL const fu_regex_info* info, const fu_u64* hit, fu_u32 best) {
  for (fu_u32 w = 0; w < REGEX_WORDS; ++w)
    for (fu_u64 left = hit[w]; left; left &= left - 1) {
      const fu_u32 match = info[w * 64 + FU_POPCOUNT64((left & (0 - left)) - 1)].match - 1;
      if (match < best) best = match;
    }
  return best;
}

/* Adds what the jumping states of `now` lead to. */
FU_FN void REGEX_NAME(regex_nfa_jump)(FU_GLOBAL const fu_u64* rows, const fu_u64* jump, fu_u64* next) {
  for (fu_u32 w = 0; w < REGEX_WORDS; ++w)
    for (fu_u64 left = jump[w]; left; left &= left - 1) {
      FU_GLOBAL const fu_u64* row = rows + (w * 64 + FU_POPCOUNT64((left & (0 - left)) - 1)) * REGEX_WORDS;
      for (fu_u32 v = 0; v < REGEX_WORDS; ++v) next[v] |= row[v];
    }
}

/* `best`: expression found so far, from 0. */
FU_FN fu_u32 REGEX_NAME(regex_nfa)(FU_GLOBAL const fu_u8* table, FU_GLOBAL const fu_regex_group* g,
                                   FU_GLOBAL const fu_u8* at, fu_u32 length, fu_u32 best) {
  FU_GLOBAL const fu_u8* class_of = REGEX_PART(fu_u8, table, g->class_at);
  FU_GLOBAL const fu_u64* rows = REGEX_PART(fu_u64, table, g->rows_at);
  FU_GLOBAL const fu_u64* reads = REGEX_PART(fu_u64, table, g->reads_at);
  FU_GLOBAL const fu_u64* mask = REGEX_PART(fu_u64, table, g->masks_at);
  FU_GLOBAL const fu_regex_info* info = REGEX_PART(fu_regex_info, table, g->info_at);
  const fu_u32 lowest = g->lowest;
  fu_u64 now[REGEX_WORDS], next[REGEX_WORDS], part[REGEX_WORDS];
  for (fu_u32 w = 0; w < REGEX_WORDS; ++w) now[w] = w == 0;
  for (fu_u32 k = 0; k < length; ++k) {
    FU_GLOBAL const fu_u64* read = reads + class_of[at[k]] * REGEX_WORDS;
    fu_u64 some = 0;
    for (fu_u32 w = 0; w < REGEX_WORDS; ++w) {
      next[w] = (now[w] & mask[w]) << 1 | (now[w] & mask[REGEX_WORDS + w]) | mask[2 * REGEX_WORDS + w];
      part[w] = now[w] & mask[3 * REGEX_WORDS + w];
      some |= part[w];
    }
    if (some) REGEX_NAME(regex_nfa_jump)(rows, part, next);
    some = 0;
    for (fu_u32 w = 0; w < REGEX_WORDS; ++w) {
      now[w] = next[w] & read[w];
      part[w] = now[w] & mask[4 * REGEX_WORDS + w];
      some |= part[w];
    }
    if (some) {
      best = REGEX_NAME(regex_nfa_best)(info, part, best);
      if (best <= lowest) return best;
    }
  }
  for (fu_u32 w = 0; w < REGEX_WORDS; ++w) part[w] = now[w] & mask[5 * REGEX_WORDS + w];
  return REGEX_NAME(regex_nfa_best)(info, part, best);
}
