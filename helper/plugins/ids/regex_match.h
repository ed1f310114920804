// SPDX-License-Identifier: MIT
// regex_match.h - RegexMatch: does a payload match one of many regular expressions?
//
//   RegexMatch(PATTERNS '/GET \/[a-z]+/i', '/^\x16\x03/', …)
//   RegexMatch(FILE expressions.txt)     format: see regex_list.h
//
// In '…' the text reaches the expression as it stands; in "…" the pipeline's own
// escapes come first, so that a backslash is written \\.
//
// Outputs: 0 no match. 1 match; unconnected: dropped as "regex_match".
//
// Searches packet_range(kPayload), as PayloadMatch does; a payload without bytes
// matches nothing. Expressions are PCRE2's on bytes, unanchored, as far as an
// automaton can decide them: regex_parse.h says what is understood. Refused is
// also what Hyperscan refuses, what can never match, and what needs too large an
// automaton (RegexBudget).
//
// Batch::alert becomes the number of the lowest-numbered expression that matches,
// plus 1. Hyperscan searches on the cpu, own automata on devices; the answers are equal.
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
