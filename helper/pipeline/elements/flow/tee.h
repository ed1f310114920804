// SPDX-License-Identifier: MIT
// tee.h - Tee: each packet by all outputs, as copies that share nothing.
//
// SYNOPSIS  Tee(N)
// INPUTS    0
// OUTPUTS   0 the packet itself
//           1 to N-1 a copy each. All must be connected
// ARGUMENTS N number of outputs, 2 to 64; default 2
// COUNTERS  copies  packets added
//           no_room copies that were not made because no frame was free; the packet itself goes on
// NOTES     A copy has its own bytes: what one way does to its packet no other way sees. It has
//           the packet's paint, alert and new Ethernet addresses, and leaves right behind it.
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/flow/open_outputs.h"

namespace fulcrum {

class Tee final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::span<const OutputSpec> outputs() const override { return outputs_.specs(); }
  std::vector<CounterValue> counters() const override {
    return {{"copies", copies_.value()}, {"no_room", no_room_.value()}};
  }

 private:
  OpenOutputs outputs_;
  Count copies_, no_room_;
};

extern const ElementClass kTeeClass;

}  // namespace fulcrum
