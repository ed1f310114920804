// SPDX-License-Identifier: MIT
// payload_match.h - PayloadMatch: does a payload hold one of many byte strings?
//
//   PayloadMatch(PATTERNS "GET /", "\x00\x01", …)
//   PayloadMatch(FILE patterns.txt)      format: see patterns.h
//
// Outputs: 0 no match. 1 match; unconnected: dropped as "pattern_match".
//
// Searches packet_range(kPayload): from behind the TCP or UDP header, with other
// protocols from the L4 header on, to the end of the IP datagram (padding is not
// searched). A fragment without its L4 header, and what is not IP, has no payload.
//
// Batch::alert becomes the number of the lowest-numbered pattern found, plus 1.
// Hyperscan searches on the cpu, an automaton on devices; the answers are equal.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "match_build.h"
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

 private:
  std::vector<ArgError> use(const std::string& key, SourcePos pos, Setup& setup,
                            const std::function<PatternList()>& list);
  void decide(Batch& b, unsigned i, std::uint32_t result, Mask* out) noexcept;

  std::shared_ptr<const MatchSet> set_;
  std::optional<Scanner> scanner_;
  Count searched_bytes_, matched_;
};

}  // namespace fulcrum::ids
