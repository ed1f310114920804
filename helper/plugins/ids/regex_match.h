// SPDX-License-Identifier: MIT
// regex_match.h - RegexMatch: does a payload match one of many regular expressions?
//
// SYNOPSIS  RegexMatch(PATTERNS '/GET \/[a-z]+/i', '/^\x16\x03/', …)
//           RegexMatch(FILE EXPRESSIONS.txt)
// INPUTS    0
// OUTPUTS   0 no_match: all others, unchanged; must be connected
//           1 match: an expression matches; unconnected: dropped as "regex_match"
// ARGUMENTS PATTERNS  expressions, /RE/FLAGS. In '…' the text reaches the expression as it
//                     stands; in "…" the pipeline's own escapes come first, so that a
//                     backslash is written \\ there
//           FILE      one expression a line, /RE/FLAGS or ID:/RE/FLAGS. RE goes to the last
//                     / of the line; a / inside may be written \/. FLAGS: i, m, s. ID is a
//                     number for the reader. Empty lines and lines that begin with # are
//                     skipped
// COUNTERS  matched (packets), searched_bytes
// NOTES     Searched is the payload, as PayloadMatch has it; a payload without bytes
//           matches nothing. Expressions are PCRE2's on bytes, unanchored, as far as an
//           automaton can decide them. Refused is what is not: back references, look-around
//           and the like; what Hyperscan refuses; what can never match; and what needs too
//           large an automaton. The packet's alert becomes the number of the lowest-numbered
//           expression that matches, plus 1; expressions are numbered from 0. Hyperscan
//           searches on the cpu, own automata on devices; the answers are equal.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "regex_build.h"
#include "regex_list.h"
#include "scanner.h"

namespace fulcrum::ids {

// What all workers of one pipeline share. Immutable.
struct RegexSet {
  std::vector<std::string> errors;  // not empty: the rest is not there
  std::shared_ptr<const ScanDatabase> database;
  RegexTable table;
};

class RegexMatch final : public Element, public Offload {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  Offload* offload() noexcept override { return this; }
  std::vector<CounterValue> counters() const override;

  const KernelDecl& kernel() const noexcept override;
  KernelTable table() noexcept override;
  Chain chain() const noexcept override;
  void finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept override;

 private:
  std::vector<ArgError> use(const std::string& key, SourcePos pos, Setup& setup,
                            const std::function<RegexList()>& list);
  void decide(Batch& b, unsigned i, std::uint32_t result, Mask* out) noexcept;

  std::shared_ptr<const RegexSet> set_;
  std::optional<Scanner> scanner_;
  Count searched_bytes_, matched_;
};

}  // namespace fulcrum::ids
