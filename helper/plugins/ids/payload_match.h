// SPDX-License-Identifier: MIT
// payload_match.h - PayloadMatch: does a payload hold one of many byte strings?
//
//   PayloadMatch(PATTERNS "GET /", "\x00\x01", …)
//   PayloadMatch(FILE patterns.txt)      format: see patterns.h
//   PayloadMatch(…, MATCHES lowest|all)  lowest without it
//
// Outputs: 0 no match. 1 match; unconnected: dropped as "pattern_match".
//
// Searches packet_range(kPayload): from behind the TCP or UDP header, with other
// protocols from the L4 header on, to the end of the IP datagram (padding is not
// searched). A fragment without its L4 header, and what is not IP, has no payload.
//
// Batch::alert becomes the number of the lowest-numbered pattern found, plus 1.
// With MATCHES all, every match is found with its pattern and where it ends; the
// counter `matches` tells how many. Devices list up to MATCH_LISTED of a packet;
// packets with more are searched again on the cpu (`searched_again`), and what a
// batch has beyond MatchList::kRoom is counted only (`unlisted`).
//
// Hyperscan searches on the cpu, an automaton on devices; the answers are equal.
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
