// SPDX-License-Identifier: MIT
// null.h - Null: hands packets on as they are; a place to join chains at.
//
// SYNOPSIS  Null
// INPUTS    0
// OUTPUTS   0 packets: all, unchanged; must be connected
// ARGUMENTS none
// COUNTERS  none
#pragma once

#include "fulcrum/element.h"

namespace fulcrum {

class Null final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch&, Mask in, Mask* out) noexcept override { out[0] = in; }
};

extern const ElementClass kNullClass;

}  // namespace fulcrum
