// SPDX-License-Identifier: MIT
// regex_nfa.cc - a bit for each position, and which edges are shifts, loops or jumps.
#include "regex_nfa.h"

namespace fulcrum::ids {
namespace {

constexpr std::uint32_t kNoBit = 0xffffffff;
enum Mask : std::uint32_t { kShift, kLoop, kAlways, kJump, kMatch, kMatchEnd, kMasks };

// Is it in the set at all times, as what stands in front of an unanchored
// expression is? Then it needs no bit: what follows it is there always. At the
// start of the text the start leads to the same positions, and maybe more.
bool always_on(const std::vector<Position>& at, std::uint32_t p) {
  if (p == 0 || at[p].match || at[p].match_end || !at[p].bytes.all() || !at[p].next[p] || !at[0].next[p]) return false;
  bool covered = true;
  at[p].next.each([&](std::uint32_t q) { covered &= at[0].next[q]; });
  return covered;
}

class Layout {
 public:
  explicit Layout(std::span<const RegexMember> members) : members_(members) {}

  RegexNfa run() {
    out_.classes = byte_classes(members_);
    give_bits();
    out_.words = bits_ <= 128 ? 2 : bits_ <= 256 ? 4 : FU_REGEX_MAX_WORDS;
    const std::uint32_t states = out_.words * 64;
    out_.rows.assign(std::size_t{states} * out_.words, 0);
    out_.reads.assign(std::size_t{out_.classes.count} * out_.words, 0);
    out_.masks.assign(std::size_t{kMasks} * out_.words, 0);
    out_.info.assign(states, {});
    for (std::size_t m = 0; m < members_.size(); ++m)
      for (std::uint32_t p = 0; p < bit_[m].size(); ++p) place(m, p);
    return std::move(out_);
  }

 private:
  void give_bits() {
    for (const RegexMember& m : members_) {
      std::vector<std::uint32_t>& bit = bit_.emplace_back();
      for (std::uint32_t p = 0; p < m.positions->size(); ++p)
        bit.push_back(p == 0 ? 0 : always_on(*m.positions, p) ? kNoBit : bits_++);
    }
  }

  void set(std::vector<std::uint64_t>& words, std::size_t row, std::uint32_t bit) {
    words[row * out_.words + bit / 64] |= std::uint64_t{1} << bit % 64;
  }

  void place(std::size_t m, std::uint32_t p) {
    const Position& at = (*members_[m].positions)[p];
    const std::uint32_t from = bit_[m][p];
    at.next.each([&](std::uint32_t q) {
      const std::uint32_t to = bit_[m][q];
      if (to != kNoBit) connect(from, to);
    });
    if (from == kNoBit || from == 0) return;
    for (std::uint32_t c = 0; c < out_.classes.count; ++c)
      if (at.bytes[out_.classes.sample[c]]) set(out_.reads, c, from);
    if (at.match) set(out_.masks, kMatch, from);
    if (at.match_end) set(out_.masks, kMatchEnd, from);
    out_.info[from].match = members_[m].number + 1;
  }

  void connect(std::uint32_t from, std::uint32_t to) {
    if (from == kNoBit) return set(out_.masks, kAlways, to);
    if (from == to) return set(out_.masks, kLoop, from);
    if (to == from + 1 && to % 64 != 0) return set(out_.masks, kShift, from);
    set(out_.masks, kJump, from);
    set(out_.rows, from, to);
  }

  const std::span<const RegexMember> members_;
  std::vector<std::vector<std::uint32_t>> bit_;  // by member and position
  std::uint32_t bits_ = 1;                       // 0 is the start of all
  RegexNfa out_;
};

}  // namespace

std::uint32_t nfa_bits(const std::vector<Position>& positions) {
  std::uint32_t bits = 0;
  for (std::uint32_t p = 1; p < positions.size(); ++p) bits += !always_on(positions, p);
  return bits;
}

RegexNfa make_nfa(std::span<const RegexMember> members) { return Layout(members).run(); }

}  // namespace fulcrum::ids
