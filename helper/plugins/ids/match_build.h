// SPDX-License-Identifier: MIT
// match_build.h - literal patterns -> the flat automaton.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "match_table.h"
#include "patterns.h"

namespace fulcrum::ids {

// One finished automaton. Owns: its block, 64-byte aligned.
class MatchTable {
 public:
  MatchTable() = default;
  explicit MatchTable(std::size_t bytes);
  const void* data() const { return block_.get(); }
  void* data() { return block_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* p) const;
  };
  std::unique_ptr<void, Free> block_;
  std::size_t bytes_ = 0;
};

// Pattern k of the span is number k in results.
MatchTable build_match(std::span<const Pattern> patterns);

}  // namespace fulcrum::ids
