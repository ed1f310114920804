// SPDX-License-Identifier: MIT
// regex_nfa.h - position automata of several expressions -> sets of states in words of bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "regex_dfa.h"
#include "regex_table.h"

namespace fulcrum::ids {

struct RegexNfa {
  ByteClasses classes;
  std::uint32_t words = 0;
  std::vector<std::uint64_t> rows, reads, masks;  // as in regex_table.h
  std::vector<fu_regex_info> info;
};

// Bits that an expression takes; all of a group and one more must fit in FU_REGEX_MAX_WORDS.
std::uint32_t nfa_bits(const std::vector<Position>& positions);

// Context: they fit; no expression matches before the first byte.
RegexNfa make_nfa(std::span<const RegexMember> members);

}  // namespace fulcrum::ids
