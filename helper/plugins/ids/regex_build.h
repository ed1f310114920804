// SPDX-License-Identifier: MIT
// regex_build.h - regular expressions -> the flat automata of regex_table.h.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "regex_list.h"

namespace fulcrum::ids {

struct RegexTable {
  struct Free {
    void operator()(void* block) const;
  };
  std::unique_ptr<void, Free> block;  // aligned to 64
  std::size_t bytes = 0;
  std::uint32_t dfas = 0, nfas = 0;  // groups of each kind
  std::vector<std::string> errors;   // not empty: no block. "WHERE: what", all of them
};

// How large automata may get.
struct RegexBudget {
  // Deterministic, of a group: its rows should stay in a core's second-level cache.
  std::uint32_t group_states = 4096;
  std::size_t group_bytes = 512 * 1024;
  // Of one expression, before it becomes a set of bits. At least 2 states.
  std::uint32_t alone_states = 16384;
  std::size_t alone_bytes = 2 * 1024 * 1024;
};

// Expression k of the span is number k in results.
RegexTable build_regex(std::span<const Regex> expressions, const RegexBudget& budget = {});

}  // namespace fulcrum::ids
