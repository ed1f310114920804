// SPDX-License-Identifier: MIT
// meter.h - Meter: packets by the lowest of several rates that still has room for them.
//
// SYNOPSIS  Meter(RATE, RATE, … [, BURST b])
// INPUTS    0
// OUTPUTS   0 packets within the first RATE
//           k packets above RATE k-1 and within RATE k; as many as there are RATEs
//           last: packets above all of them. Each must be connected
// ARGUMENTS RATE  1 to 16 of them, ascending, all of packets or all of bits or bytes a
//                   second; as for Policer
//           BURST as for Policer, the same for each RATE; default by each RATE
// COUNTERS  none; the edges count
// HANDLERS  rates RATE … [BURST b]  writes: as many RATEs as there are, from the next batch on
//           limits                  reads: a line a RATE, with its burst
// NOTES     A token bucket a RATE. A packet pays in those of its output and of all RATEs
//           above: outputs 0 to k together never give more than RATE k. Two RATEs are the two
//           rate three color marker of RFC 2698, 0 green, 1 yellow, 2 red. All workers draw
//           from the same buckets; see Policer.
// SEE       Policer, Paint; RFC 2698
#pragma once

#include "fulcrum/element.h"
#include "pipeline/elements/flow/open_outputs.h"
#include "pipeline/elements/flow/shared_bucket.h"

namespace fulcrum {

class Meter final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::span<const OutputSpec> outputs() const override { return outputs_.specs(); }
  std::span<const HandlerSpec> handlers() const override;
  Result<std::string> read(std::string_view handler, std::span<const Arg>, std::span<Element* const>) override;
  Result<Change> write(std::string_view handler, std::span<const Arg> args, Setup&) override;

 private:
  RateLimits limits_;
  OpenOutputs outputs_;
};

extern const ElementClass kMeterClass;

}  // namespace fulcrum
