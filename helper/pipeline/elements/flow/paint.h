// SPDX-License-Identifier: MIT
// paint.h - Paint: marks packets with a colour.
//
// SYNOPSIS  Paint(COLOR)
// INPUTS    0
// OUTPUTS   0 painted: the same packets; must be connected
// ARGUMENTS COLOR 0 to 255. A packet comes with colour 0
// COUNTERS  none
// NOTES     The colour travels beside the packet, no byte of it changes. It is gone when
//           the packet leaves the pipeline. Tee's copies have it.
// SEE       CheckPaint
#pragma once

#include "fulcrum/element.h"

namespace fulcrum {

class Paint final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;

 private:
  std::uint8_t color_ = 0;
};

extern const ElementClass kPaintClass;

}  // namespace fulcrum
