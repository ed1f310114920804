// SPDX-License-Identifier: MIT
// regex_dfa.h - position automata of several expressions -> one deterministic one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "regex_positions.h"
#include "regex_table.h"

namespace fulcrum::ids {

// One expression of a group.
struct RegexMember {
  std::uint32_t number = 0;  // from 0
  const std::vector<Position>* positions = nullptr;
};

struct ByteClasses {
  std::array<std::uint8_t, 256> of{};
  std::uint32_t count = 0;
  std::vector<std::uint8_t> sample;  // a byte of each class
};
// Bytes that no position tells apart are one class.
ByteClasses byte_classes(std::span<const RegexMember> members);

struct RegexDfa {
  ByteClasses classes;
  std::vector<std::uint16_t> rows;
  std::vector<fu_regex_info> info;
};

// Subset construction. `members` by ascending number. Nothing: more than
// max_states states (at most FU_REGEX_MAX_STATES) or max_bytes of rows.
std::optional<RegexDfa> make_dfa(std::span<const RegexMember> members, std::uint32_t max_states, std::size_t max_bytes);

}  // namespace fulcrum::ids
