// SPDX-License-Identifier: MIT
// policer.h - Policer: packets within a rate -> 0, those above it -> 1.
//
// SYNOPSIS  Policer(RATE [, BURST b])
// INPUTS    0
// OUTPUTS   0 conform: packets within RATE; must be connected
//           1 exceed: packets above it. Unconnected: dropped as "policed"
// ARGUMENTS RATE  1pps to 1000Gpps in packets ("10kpps"), or 1bps to 1Tbps in bits ("100Mbps")
//                   or bytes ("10MBps"). A packet's bytes are those of its frame from the
//                   Ethernet header on, without frame check sequence, preamble and gap
//           BURST what may pass at once after a rest: packets, 1 to 10^9, or bytes, 64 to
//                   1GiB, as RATE counts the ones or the others. Default: what RATE gives
//                   in 100 ms, at least 32 packets or 64KiB. A frame above BURST never passes
// COUNTERS  conform_packets conform_bytes exceed_packets exceed_bytes
// HANDLERS  rate RATE [BURST b]  writes: from the next batch on
//           limit                reads: RATE and BURST as they are
// NOTES     A token bucket, full at first. RATE is that of all workers together: they draw
//           from one bucket without waiting for one another, so that it holds exactly however
//           flows are spread over workers. Goes by the time at which each packet came.
//           Tokens outlive a change of pipeline, where the name and the kind of RATE stay.
// SEE       Meter; RFC 2697 section 3
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/flow/shared_bucket.h"

namespace fulcrum {

class Policer final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;
  std::span<const HandlerSpec> handlers() const override;
  Result<std::string> read(std::string_view handler, std::span<const Arg>, std::span<Element* const>) override;
  Result<Change> write(std::string_view handler, std::span<const Arg> args, Setup&) override;

 private:
  RateLimits limits_;
  Count conform_packets_, conform_bytes_, exceed_packets_, exceed_bytes_;
};

extern const ElementClass kPolicerClass;

}  // namespace fulcrum
