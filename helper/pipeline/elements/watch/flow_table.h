// SPDX-License-Identifier: MIT
// flow_table.h - FlowTable: passes packets on and remembers which flows weigh most.
//
// SYNOPSIS  FlowTable([BY flow|source|destination] [, WEIGHT bytes|packets] [, CAPACITY n])
// INPUTS    0
// OUTPUTS   0 packets: all, unchanged; must be connected
// ARGUMENTS BY        what is told apart: flow (default), that is protocol, addresses and
//                     ports; or one address
//           WEIGHT    what counts: bytes (default; from the Ethernet header on) or packets
//           CAPACITY  keys that a worker remembers, 16 to 65536; default 1024
// COUNTERS  counted, other (packets that are not IP)
// HANDLERS  top [N]  the N (default 10) heaviest of all workers, heaviest first, one a line:
//                    packets, bytes, over, and the flow. The true weight is between what is
//                    counted and that plus `over`, which is 0 while no more keys came than
//                    CAPACITY holds
//           reset    forgets all
// NOTES     Keys that have more than 1/CAPACITY of the weight that a worker saw are there for
//           sure. Fragments behind the first have no ports: they count as a flow of their
//           own. A change of pipeline keeps what was gathered, where BY and WEIGHT stay.
// SEE       Metwally, Agrawal, El Abbadi: Space-Saving, ICDT 2005
#pragma once

#include <memory>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/watch/heavy_hitters.h"

namespace fulcrum {

class FlowTable final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;
  void adopt(Element& before) noexcept override;
  std::span<const HandlerSpec> handlers() const override;
  Result<std::string> read(std::string_view name, std::span<const Arg> args, std::span<Element* const> peers) override;
  Result<Change> write(std::string_view name, std::span<const Arg> args, Setup& setup) override;

 private:
  struct State {
    State(FlowBy what, std::uint32_t capacity, HeavyHitters::Weight weight) : by(what), top(capacity, weight) {}
    const FlowBy by;
    HeavyHitters top;
  };
  std::shared_ptr<State> state_;
  Count counted_, other_;
};

extern const ElementClass kFlowTableClass;

}  // namespace fulcrum
