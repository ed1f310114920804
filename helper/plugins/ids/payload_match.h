// SPDX-License-Identifier: MIT
// payload_match.h - PayloadMatch: does a payload hold one of many byte strings?
//
// SYNOPSIS  PayloadMatch(PATTERNS "GET /", "\x00\x01", … [, MATCHES lowest|all])
//           PayloadMatch(FILE PATTERNS.txt [, MATCHES lowest|all])
// INPUTS    0
// OUTPUTS   0 no_match: all others, unchanged; must be connected
//           1 match: a pattern is in the payload; unconnected: dropped as "pattern_match"
// ARGUMENTS PATTERNS  strings, of which any may occur anywhere in the payload
//           FILE      one pattern a line, written as a Snort content string: printable
//                     text, |hex bytes| in between, \ before \ " ; : | taken as such.
//                     Empty lines and lines that begin with # are skipped (|23| is a
//                     leading #). A file whose first line is a row of column names
//                     separated by tabs, one of them `content`, is a table: the pattern
//                     stands in that column; columns `nocase`, `enabled` and `negated`
//                     (0 or 1) are heeded. Of equal patterns the first counts
//           MATCHES   lowest (default): the lowest-numbered pattern found is told; all:
//                     every match is found, with its pattern and where it ends
// COUNTERS  matched (packets), searched_bytes; with MATCHES all: matches, searched_again
//           (packets with more matches than a device lists, searched once more on the
//           cpu), unlisted (matches that were counted only)
// NOTES     Searched is what stands behind the TCP or UDP header, with other protocols
//           what stands from the L4 header on, to the end of the IP datagram: padding is
//           not searched. A fragment without its L4 header, and what is not IP, has no
//           payload. The packet's alert becomes the number of the lowest-numbered pattern
//           found, plus 1; patterns are numbered from 0. Hyperscan searches on the cpu, an
//           automaton on devices; the answers are equal.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "fulcrum/range.h"
#include "match_build.h"
#include "match_list.h"
#include "patterns.h"
#include "scanner.h"

namespace fulcrum::ids {

// What all workers of one pipeline share. Immutable.
struct MatchSet {
  std::vector<std::string> errors;  // not empty: the rest is not there
  std::shared_ptr<const ScanDatabase> database;
  MatchTable table;
};

class PayloadMatch final : public Element, public Offload {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  Offload* offload() noexcept override { return this; }
  std::vector<CounterValue> counters() const override;

  const KernelDecl& kernel() const noexcept override;
  KernelTable table() noexcept override;
  Chain chain() const noexcept override;
  void finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept override;

  // With MATCHES all: of packet i of the batch that was handled last.
  std::span<const PatternMatch> matches(unsigned i) const noexcept { return list_->of(i); }

 private:
  std::vector<ArgError> take_matches(std::span<const Arg>& args);
  std::vector<ArgError> use(const std::string& key, SourcePos pos, Setup& setup,
                            const std::function<PatternList()>& list);
  std::uint32_t search(Batch& b, unsigned i, ByteRange payload) noexcept;
  std::uint32_t take_columns(Batch& b, unsigned i, ByteRange payload, const ItemResults& items) noexcept;
  void decide(Batch& b, unsigned i, std::uint32_t result, Mask* out) noexcept;

  std::shared_ptr<const MatchSet> set_;
  std::optional<Scanner> scanner_;
  std::optional<MatchList> list_;  // with MATCHES all
  Count searched_bytes_, matched_, matches_, searched_again_, unlisted_;
};

}  // namespace fulcrum::ids
