// SPDX-License-Identifier: MIT
// from_port.h - FromPort: packets received on a port -> output 0.
//
// SYNOPSIS  FromPort(NAME [, ORDERING flow|none] [, ON_HELPER_LOSS pass|drop|inline])
// INPUTS    none
// OUTPUTS   0 packets: all that the front-end steered to the helper; must be connected
// ARGUMENTS NAME            network interface, or the NAME of `fulcrum run --in NAME=FILE`
//           ORDERING        flow (default): packets of a flow stay in order; none: any
//                           packet may overtake, for pipelines without state
//           ON_HELPER_LOSS  what the front-end does while no helper lives: pass to the
//                           kernel (default), drop, or the inline tier
// COUNTERS  none of its own; see its packets_in
#pragma once

#include <string>

#include "fulcrum/element.h"

namespace fulcrum {

class FromPort final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch&, Mask in, Mask* out) noexcept override { out[0] = in; }

  const std::string& name() const { return name_; }
  std::uint16_t port() const { return port_; }
  fulcrum_ordering ordering() const { return ordering_; }
  fulcrum_on_loss on_helper_loss() const { return on_loss_; }

 private:
  std::string name_;
  std::uint16_t port_ = kNoPort;
  fulcrum_ordering ordering_ = FULCRUM_ORDER_FLOW;
  fulcrum_on_loss on_loss_ = FULCRUM_LOSS_PASS;
};

extern const ElementClass kFromPortClass;

}  // namespace fulcrum
