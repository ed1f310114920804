// SPDX-License-Identifier: MIT
// round_robin_switch.h - RoundRobinSwitch: packets over N outputs, one after the other.
//
// SYNOPSIS  RoundRobinSwitch(N)
// INPUTS    0
// OUTPUTS   0 to N-1; each must be connected
// ARGUMENTS N number of outputs, 2 to 64
// COUNTERS  none; the edges count
// NOTES     Goes by packets, not by flows: packets of one flow that leave by different
//           ports may overtake one another there. Where they meet again before
//           one ToPort they are in order. HashSwitch keeps a flow together.
//           Each worker goes round by itself; its position outlives a change of pipeline.
#pragma once

#include "fulcrum/element.h"
#include "pipeline/elements/flow/open_outputs.h"

namespace fulcrum {

class RoundRobinSwitch final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::span<const OutputSpec> outputs() const override { return outputs_.specs(); }
  void adopt(Element& before) noexcept override;

 private:
  OpenOutputs outputs_;
  std::uint32_t next_ = 0;
};

extern const ElementClass kRoundRobinSwitchClass;

}  // namespace fulcrum
