// SPDX-License-Identifier: MIT
// match.core.h - payloads -> lowest-numbered pattern in each, the only copy.
//
// Included once by each launcher. Everything here has internal linkage and uses
// no library templates: code built for AVX-512 must never be picked by the linker
// for a baseline caller.
//
// A walk through the automaton is a chain of dependent loads, so several payloads
// are walked side by side; a lane that ends takes the next payload.
#pragma once

#include "fulcrum/kernel.h"
#include "match_table.h"

namespace fulcrum::ids {
namespace {

constexpr unsigned kLanes = 6;

struct MatchView {
  const MatchHeader* head;
  const std::uint32_t* rows;
  const MatchState* states;
  const std::uint8_t* labels;
  const MatchOutput* outputs;
  const MatchPattern* patterns;
  const std::uint8_t* text;
};

inline MatchView match_view(const void* table) {
  const auto* h = static_cast<const MatchHeader*>(table);
  const auto* base = static_cast<const std::uint8_t*>(table);
  return {h,
          reinterpret_cast<const std::uint32_t*>(base + h->row_off_bytes),
          reinterpret_cast<const MatchState*>(base + h->state_off_bytes),
          base + h->label_off_bytes,
          reinterpret_cast<const MatchOutput*>(base + h->output_off_bytes),
          reinterpret_cast<const MatchPattern*>(base + h->pattern_off_bytes),
          base + h->text_off_bytes};
}

struct MatchLane {
  const std::uint8_t* at;
  const std::uint8_t* end;
  std::uint32_t state;
  std::uint32_t best;  // lowest pattern so far, or kNoPattern
  std::uint32_t item;
};

// Next state, with kOutputBit where patterns end.
inline std::uint32_t match_next(const MatchView& v, std::uint32_t state, std::uint8_t byte) {
  const std::uint32_t c = v.head->class_of[byte];
  while (state >= v.head->dense_states) {
    const MatchState& s = v.states[state];
    for (std::uint32_t k = 0; k < s.child_count; ++k) {
      const std::uint32_t child = s.first_child + k;
      if (v.labels[child] == c) return v.states[child].output == kNoPattern ? child : child | kOutputBit;
    }
    state = s.fail;
  }
  return v.rows[state * v.head->classes + c];
}

inline bool match_text(const MatchView& v, const MatchPattern& p, const std::uint8_t* end) {
  return p.text_at == kNoPattern || __builtin_memcmp(end - p.length_bytes, v.text + p.text_at, p.length_bytes) == 0;
}

// `end`: behind the last byte of the patterns that end in `state`.
inline void match_outputs(const MatchView& v, MatchLane& a, const std::uint8_t* end) {
  std::uint32_t o = v.states[a.state].output;
  while (o != kNoPattern && v.outputs[o].lowest < a.best) {
    const std::uint32_t p = v.outputs[o].pattern;
    if (p < a.best && match_text(v, v.patterns[p], end)) a.best = p;
    o = v.outputs[o].next;
  }
}

inline void match_step(const MatchView& v, MatchLane& a) {
  const std::uint32_t next = match_next(v, a.state, *a.at++);
  a.state = next & ~kOutputBit;
  if (next & kOutputBit) match_outputs(v, a, a.at);
}

// Gives the lane the next payload that is not empty; false: there is none.
inline bool match_refill(const KernelArgs& args, std::uint32_t& next_item, MatchLane& a) {
  while (next_item < args.count) {
    const std::uint32_t k = next_item++;
    args.result[k] = 0;
    if (!args.length[k]) continue;
    const std::uint8_t* payload = args.base + args.offset[k];
    a = {payload, payload + args.length[k], 0, kNoPattern, k};
    return true;
  }
  return false;
}

// result: pattern number + 1, 0 none.
inline void match_run(const KernelArgs& args) {
  const MatchView v = match_view(args.table);
  MatchLane lane[kLanes];
  std::uint32_t next_item = 0;
  unsigned active = 0;
  while (active < kLanes && match_refill(args, next_item, lane[active])) ++active;
  while (active) {
    std::uint64_t steps = ~std::uint64_t{0};
    for (unsigned j = 0; j < active; ++j) {
      const auto left = static_cast<std::uint64_t>(lane[j].end - lane[j].at);
      if (left < steps) steps = left;
    }
    if (active == kLanes) {
      for (; steps; --steps)
        for (unsigned j = 0; j < kLanes; ++j) match_step(v, lane[j]);
    } else {
      for (; steps; --steps)
        for (unsigned j = 0; j < active; ++j) match_step(v, lane[j]);
    }
    for (unsigned j = active; j-- > 0;) {
      MatchLane& a = lane[j];
      if (a.at != a.end && a.best != 0) continue;
      args.result[a.item] = a.best + 1;  // kNoPattern + 1 is 0
      if (!match_refill(args, next_item, a)) a = lane[--active];
    }
  }
}

}  // namespace
}  // namespace fulcrum::ids
