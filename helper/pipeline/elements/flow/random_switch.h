// SPDX-License-Identifier: MIT
// random_switch.h - RandomSwitch: packets over outputs at random, by weight.
//
// SYNOPSIS  RandomSwitch(WEIGHT, WEIGHT, … [, SEED n])
// INPUTS    0
// OUTPUTS   one a WEIGHT, 2 to 64; each must be connected
// ARGUMENTS WEIGHT whole number, 0 to 1000000: of all packets, the share WEIGHT / sum of
//                    WEIGHTs takes this output. 0: none does
//           SEED   0 to 2^64-1, default 1. The same packets through the same
//                    configuration take the same way; workers differ from one another
// COUNTERS  none; the edges count
// NOTES     Goes by packets, not by flows; see RoundRobinSwitch. The sequence goes on
//           across a change of pipeline.
//           Numbers are those of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
#pragma once

#include "fulcrum/element.h"
#include "pipeline/elements/flow/open_outputs.h"

namespace fulcrum {

class RandomSwitch final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::span<const OutputSpec> outputs() const override { return outputs_.specs(); }
  void adopt(Element& before) noexcept override;

 private:
  OpenOutputs outputs_;
  std::vector<std::uint64_t> ends_;  // sum of weights up to and with this output; ascending
  std::uint64_t state_ = 1;
};

extern const ElementClass kRandomSwitchClass;

}  // namespace fulcrum
