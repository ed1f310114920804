// SPDX-License-Identifier: MIT
// scanner.h - the cpu form of pattern and expression search: Hyperscan.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "fulcrum/result.h"
#include "match_list.h"
#include "patterns.h"
#include "regex_list.h"

struct hs_database;
struct hs_scratch;

namespace fulcrum::ids {

// Compiled patterns or expressions; shared by all workers, immutable.
class ScanDatabase {
 public:
  // Errors: what Hyperscan refuses, with the number of the pattern.
  // `every`: reports all matches, for Scanner::all(); else for lowest() only.
  static Result<std::shared_ptr<const ScanDatabase>> compile(std::span<const Pattern> patterns, bool every = false);
  static Result<std::shared_ptr<const ScanDatabase>> compile_regex(std::span<const Regex> expressions);

 private:
  friend class Scanner;
  struct Free {
    void operator()(hs_database* database) const;
  };
  std::unique_ptr<hs_database, Free> database_;
};

// One worker's working memory. Threads: one at a time.
class Scanner {
 public:
  // Errors: no memory.
  static Result<Scanner> open(std::shared_ptr<const ScanDatabase> database);
  // Lowest-numbered pattern or expression in the bytes, plus 1; 0: none. Context: data path.
  std::uint32_t lowest(const std::uint8_t* data, std::uint32_t bytes) noexcept;
  // All matches: how many there are. As many as fit are put into `room`, by end and
  // then by pattern if all fit. Context: data path.
  std::size_t all(const std::uint8_t* data, std::uint32_t bytes, std::span<PatternMatch> room) noexcept;

 private:
  struct Free {
    void operator()(hs_scratch* scratch) const;
  };
  std::shared_ptr<const ScanDatabase> database_;
  std::unique_ptr<hs_scratch, Free> scratch_;
};

}  // namespace fulcrum::ids
