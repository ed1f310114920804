// SPDX-License-Identifier: MIT
// round_robin_switch.cc - RoundRobinSwitch: packets over N outputs, one after the other.
#include "pipeline/elements/flow/round_robin_switch.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/round_robin_switch.h"

namespace fulcrum {

std::vector<ArgError> RoundRobinSwitch::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  const std::uint64_t n = args.number(args.positional("the number of outputs"), {2, kMaxSwitchOutputs}, 2);
  for (std::uint64_t i = 0; i < n; ++i) outputs_.add("turn " + std::to_string(i));
  return args.done();
}

void RoundRobinSwitch::process(Batch&, Mask in, Mask* out) noexcept {
  const auto n = static_cast<std::uint32_t>(outputs_.size());
  for_each(in, [&](unsigned i) {
    out[next_] |= Mask{1} << i;
    next_ = next_ + 1 == n ? 0 : next_ + 1;
  });
}

void RoundRobinSwitch::adopt(Element& before) noexcept {
  next_ = static_cast<RoundRobinSwitch&>(before).next_ % static_cast<std::uint32_t>(outputs_.size());
}

constinit const ElementClass kRoundRobinSwitchClass = {"RoundRobinSwitch",
                                                       "RoundRobinSwitch(N)",
                                                       "spreads packets over outputs by turns",
                                                       1,
                                                       {},
                                                       [] { return std::unique_ptr<Element>(new RoundRobinSwitch); },
                                                       kManual,
                                                       true};

}  // namespace fulcrum
