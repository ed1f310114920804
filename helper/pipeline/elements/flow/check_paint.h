// SPDX-License-Identifier: MIT
// check_paint.h - CheckPaint: packets of one colour -> 0, all others -> 1.
//
// SYNOPSIS  CheckPaint(COLOR)
// INPUTS    0
// OUTPUTS   0 match: packets of that colour; must be connected
//           1 other: all others. Unconnected: dropped as "other_paint"
// ARGUMENTS COLOR 0 to 255. Packets that no Paint marked have 0
// COUNTERS  none; the edges count
// SEE       Paint
#pragma once

#include "fulcrum/element.h"

namespace fulcrum {

class CheckPaint final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;

 private:
  std::uint8_t color_ = 0;
};

extern const ElementClass kCheckPaintClass;

}  // namespace fulcrum
