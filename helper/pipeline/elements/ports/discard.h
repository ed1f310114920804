// SPDX-License-Identifier: MIT
// discard.h - Discard: input -> dropped, counted by reason.
//
// SYNOPSIS  Discard | Discard([REASON] name)
// INPUTS    0
// OUTPUTS   none: every packet gets the verdict drop
// ARGUMENTS REASON  name that the drop is counted under, of letters, digits and '_', at
//                   most 32; without it the one an earlier element noted, else "discard"
// COUNTERS  packets
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class Discard final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  InlineOp inline_op() const noexcept override { return InlineOp::kDiscard; }
  std::vector<CounterValue> counters() const override { return {{"packets", packets_.value()}}; }

 private:
  Reason reason_ = 0;
  bool keep_earlier_ = true;
  Count packets_;
};

extern const ElementClass kDiscardClass;

}  // namespace fulcrum
