// SPDX-License-Identifier: MIT
// histogram.h - Histogram: passes packets on and counts them by latency or size.
//
// SYNOPSIS  Histogram(latency | size)
// INPUTS    0
// OUTPUTS   0 packets: all, unchanged; must be connected
// ARGUMENTS latency  nanoseconds from the stamp of a packet, as it left the network card's
//                    driver, to the moment that the worker had its batch. Packets without
//                    stamp are not measured: fulcrumd stamps a sample of them
//           size     bytes from the Ethernet header on
// COUNTERS  measured, unstamped
// HANDLERS  percentiles  of all workers, one a line: count, p50, p90, p99, p99.9, max
//           classes      of all workers, one a line: the largest value of a class, packets
//           reset        starts again from 0
// NOTES     There are 16 classes an octave: a value told is at most 1/16 above the truth;
//           below 32 it is exact. A change of pipeline goes on with what was gathered,
//           where the argument stays.
#pragma once

#include <memory>

#include "base/histogram.h"
#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class HistogramElement final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;
  std::span<const HandlerSpec> handlers() const override;
  Result<std::string> read(std::string_view name, std::span<const Arg> args, std::span<Element* const> peers) override;
  Result<Change> write(std::string_view name, std::span<const Arg> args, Setup& setup) override;

 private:
  enum class Of : std::uint8_t { kLatency, kSize };
  struct State {
    Of of;
    Histogram counts;
  };
  std::shared_ptr<State> state_;
  Count measured_, unstamped_;
};

extern const ElementClass kHistogramClass;

}  // namespace fulcrum
