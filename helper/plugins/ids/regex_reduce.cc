// SPDX-License-Identifier: MIT
// regex_reduce.cc - position automaton -> a smaller one: useless positions go,
// equivalent ones become one (Ilie and Yu, "Reducing NFAs by invariant
// equivalences", 2003; one step at a time until nothing changes).
#include <map>
#include <tuple>

#include "regex_positions.h"

namespace fulcrum::ids {
namespace {

constexpr int kMaxRounds = 12;

std::vector<Bits> reversed(const std::vector<Position>& at) {
  std::vector<Bits> before(at.size(), Bits(at.size()));
  for (std::uint32_t p = 0; p < at.size(); ++p) at[p].next.each([&](std::uint32_t q) { before[q].set(p); });
  return before;
}

Bits reach(const std::vector<Bits>& next, std::vector<std::uint32_t> todo) {
  Bits seen(next.size());
  for (std::uint32_t p : todo) seen.set(p);
  while (!todo.empty()) {
    const std::uint32_t p = todo.back();
    todo.pop_back();
    next[p].each([&](std::uint32_t q) {
      if (seen[q]) return;
      seen.set(q);
      todo.push_back(q);
    });
  }
  return seen;
}

// Position p becomes to[p]; kNoLimit: goes.
void renumber(std::vector<Position>& at, const std::vector<std::uint32_t>& to, std::uint32_t count) {
  std::vector<Position> out(count);
  for (Position& p : out) p.next = Bits(count);
  for (std::uint32_t p = 0; p < at.size(); ++p) {
    if (to[p] == kNoLimit) continue;
    Position& o = out[to[p]];
    o.bytes |= at[p].bytes;
    o.match |= at[p].match;
    o.match_end |= at[p].match_end;
    at[p].next.each([&](std::uint32_t q) {
      if (q < to.size() && to[q] != kNoLimit) o.next.set(to[q]);
    });
  }
  at = std::move(out);
}

// Keeps what lies between the start and a match.
void drop_useless(std::vector<Position>& at) {
  std::vector<Bits> next;
  std::vector<std::uint32_t> ends;
  for (std::uint32_t p = 0; p < at.size(); ++p) {
    if (at[p].match) at[p].next = Bits(at.size());  // nothing behind a match matters
    Bits n(at.size());
    at[p].next.each([&](std::uint32_t q) { n.set(q); });
    next.push_back(std::move(n));
    if (at[p].match || at[p].match_end) ends.push_back(p);
  }
  const Bits forward = reach(next, {0}), backward = reach(reversed(at), ends);
  std::vector<std::uint32_t> to(at.size(), kNoLimit);
  std::uint32_t count = 1;
  to[0] = 0;
  for (std::uint32_t p = 1; p < at.size(); ++p)
    if (forward[p] && backward[p]) to[p] = count++;
  renumber(at, to, count);
}

// Positions with the same key become one. Position 0 stays alone.
template <class KeyOf>
bool merge(std::vector<Position>& at, KeyOf key_of) {
  std::map<decltype(key_of(0u)), std::uint32_t> known;
  std::vector<std::uint32_t> to(at.size(), 0);
  std::uint32_t count = 1;
  for (std::uint32_t p = 1; p < at.size(); ++p) {
    const auto [found, fresh] = known.emplace(key_of(p), count);
    count += fresh;
    to[p] = found->second;
  }
  const bool changed = count < at.size();
  if (changed) renumber(at, to, count);
  return changed;
}

// Numbers in the order of a walk, so that what follows p is p + 1 where it can be.
void put_in_order(std::vector<Position>& at) {
  std::vector<std::uint32_t> to(at.size(), kNoLimit), todo{0};
  std::uint32_t count = 0;
  while (!todo.empty()) {
    const std::uint32_t p = todo.back();
    todo.pop_back();
    if (to[p] != kNoLimit) continue;
    to[p] = count++;
    at[p].next.each([&](std::uint32_t q) {
      if (to[q] == kNoLimit) todo.push_back(q);
    });
  }
  renumber(at, to, count);
}

}  // namespace

void reduce_positions(std::vector<Position>& at) {
  drop_useless(at);
  for (int round = 0; round < kMaxRounds; ++round) {
    const int ends = 2;
    bool changed = merge(at, [&](std::uint32_t p) {
      return std::tuple(at[p].bytes.to_string(), at[p].next.words(), at[p].match * ends + at[p].match_end);
    });
    std::vector<Bits> before = reversed(at);
    changed |= merge(at, [&](std::uint32_t p) { return std::tuple(at[p].bytes.to_string(), before[p].words(), 0); });
    before = reversed(at);
    changed |= merge(at, [&](std::uint32_t p) {
      return std::tuple(before[p].words(), at[p].next.words(), at[p].match * ends + at[p].match_end);
    });
    if (!changed) break;
    drop_useless(at);  // merging by what comes before can leave something behind a match
  }
  put_in_order(at);
}

}  // namespace fulcrum::ids
