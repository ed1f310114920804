// SPDX-License-Identifier: MIT
// regex_positions.h - tree -> position automaton without assertions.
//
// Glushkov, "The abstract theory of automata", 1961: a state for each place in
// the expression where a byte is read, entered only by bytes of that place's set.
// The search is unanchored: states that read anything stand in front.
//
// Assertions (^ $ \b …) ask about the byte before and the byte after. Where they
// occur, each position is split by the kind of its byte (newline, word, other), so
// that the byte before is known from the state; the byte after becomes a position
// of its own, or a match that counts at the end of the text only. What is left is
// an automaton that a plain walk byte by byte decides.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "regex_tree.h"

namespace fulcrum::ids {

// A set of small numbers.
class Bits {
 public:
  explicit Bits(std::size_t size = 0) : word_((size + 63) / 64) {}
  void set(std::size_t i) { word_[i / 64] |= std::uint64_t{1} << i % 64; }
  void reset(std::size_t i) { word_[i / 64] &= ~(std::uint64_t{1} << i % 64); }
  bool operator[](std::size_t i) const { return word_[i / 64] >> i % 64 & 1; }
  bool any() const {
    for (std::uint64_t w : word_)
      if (w) return true;
    return false;
  }
  Bits& operator|=(const Bits& o) {
    for (std::size_t k = 0; k < word_.size(); ++k) word_[k] |= o.word_[k];
    return *this;
  }
  template <class Call>
  void each(Call call) const {
    for (std::size_t k = 0; k < word_.size(); ++k)
      for (std::uint64_t w = word_[k]; w; w &= w - 1)
        call(static_cast<std::uint32_t>(k * 64 + static_cast<unsigned>(__builtin_ctzll(w))));
  }
  bool operator==(const Bits&) const = default;
  const std::vector<std::uint64_t>& words() const { return word_; }

 private:
  std::vector<std::uint64_t> word_;
};

struct Position {
  ByteSet bytes;           // entered by one of these; of position 0: none
  Bits next;               // positions that may follow
  bool match = false;      // entering it is a match
  bool match_end = false;  // being in it at the end of the text is
};

// Position 0 is where the text starts. Texts have at least one byte.
struct RegexPositions {
  std::vector<Position> at;
  std::string problem;  // not empty: the rest is meaningless
};

inline constexpr std::uint32_t kMaxPositions = 4096;

// Errors: too large; can never match.
RegexPositions make_positions(const RegexTree& tree);

// Fewer positions that accept the same (used by make_positions).
void reduce_positions(std::vector<Position>& at);

}  // namespace fulcrum::ids
