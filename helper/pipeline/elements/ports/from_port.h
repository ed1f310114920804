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

#include "pipeline/elements/ports/source.h"

namespace fulcrum {

class FromPort final : public Source {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
};

extern const ElementClass kFromPortClass;

}  // namespace fulcrum
