// SPDX-License-Identifier: MIT
// regex_tree.h - a regular expression as a tree, with flags and escapes resolved.
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

namespace fulcrum::ids {

using ByteSet = std::bitset<256>;

enum class RegexAssert : std::uint8_t {
  kTextStart,    // \A, ^ without flag m
  kTextEnd,      // \z
  kTextEndLine,  // \Z, $ without flag m: at the end, or before a newline that ends the text
  kLineStart,    // ^ with flag m: not behind a newline that ends the text
  kLineEnd,      // $ with flag m
  kWordEdge,     // \b
  kNoWordEdge,   // \B
};

enum class RegexKind : std::uint8_t { kEmpty, kBytes, kAssert, kConcat, kAlternate, kRepeat };

inline constexpr std::uint32_t kNoLimit = 0xffffffff;

struct RegexNode {
  RegexKind kind = RegexKind::kEmpty;
  RegexAssert assertion{};          // kAssert
  ByteSet bytes;                    // kBytes: any one of them
  std::uint32_t min = 0, max = 0;   // kRepeat; kNoLimit: any number
  std::vector<std::uint32_t> kids;  // numbers of nodes; kRepeat: one
};

struct RegexTree {
  std::vector<RegexNode> nodes;
  std::uint32_t root = 0;
};

}  // namespace fulcrum::ids
