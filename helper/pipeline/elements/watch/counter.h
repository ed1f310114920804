// SPDX-License-Identifier: MIT
// counter.h - Counter: counts packets and bytes on the way from input to output 0.
//
// SYNOPSIS  Counter
// INPUTS    0
// OUTPUTS   0 packets: all, unchanged; must be connected
// ARGUMENTS none
// COUNTERS  packets, bytes (from the Ethernet header on)
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class Counter final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  Count packets_, bytes_;
};

extern const ElementClass kCounterClass;

}  // namespace fulcrum
