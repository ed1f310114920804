// SPDX-License-Identifier: MIT
// byte_patterns.h - Click's byte patterns -> a graph of word tests, first pattern first.
//
// Each node compares four bytes of the frame under a mask. Behind a test, what it
// told is taken out of all patterns that are left, so that no word is compared
// twice for the same bits; equal remainders share their nodes. In the manner of
// Click's Classifier (Kohler et al., "Programming language optimizations for
// modular router configurations", ASPLOS 2002).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "fulcrum/batch.h"
#include "fulcrum/result.h"

namespace fulcrum {

// Words as loaded: host order of the frame's bytes.
struct WordTest {
  std::uint32_t offset;  // bytes from the Ethernet header; a multiple of 4
  std::uint32_t mask;
  std::uint32_t value;  // inside mask
  bool operator==(const WordTest&) const = default;
};

// All tests hold; negated: not all of them do.
struct Clause {
  bool negated = false;
  std::vector<WordTest> tests;
  bool operator==(const Clause&) const = default;
};

inline constexpr std::size_t kMaxWordTests = 512;  // of all patterns of a graph together

using BytePattern = std::vector<Clause>;  // all clauses hold; none: any frame

// "12/0800 23/06%ff !30/??01", or "-".
Result<BytePattern> parse_byte_pattern(std::string_view text);

class PatternGraph {
 public:
  // Threads: set-up.
  explicit PatternGraph(const std::vector<BytePattern>& patterns);
  // Index of the first pattern that frame `data` meets, or the number of patterns.
  unsigned match(const std::uint8_t* data, std::uint32_t len) const noexcept;
  std::size_t size() const { return nodes_.size(); }

 private:
  struct Node {
    WordTest test;
    std::int32_t next[2];  // [0] it does not hold, [1] it does; below 0: ~answer
  };
  friend class PatternCompiler;

  std::vector<Node> nodes_;
  std::int32_t start_ = 0;
  std::uint32_t safe_bytes_ = 0;  // a frame of so many has every word that is tested
};

}  // namespace fulcrum
