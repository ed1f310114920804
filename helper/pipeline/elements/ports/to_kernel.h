// SPDX-License-Identifier: MIT
// to_kernel.h - ToKernel: input -> the kernel's network stack.
//
// SYNOPSIS  ToKernel
// INPUTS    0
// OUTPUTS   none: every packet gets the verdict kernel, as if it had just arrived
//           on its port; its reason is the one an earlier element noted, else "to_kernel"
// ARGUMENTS none
// COUNTERS  packets
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class ToKernel final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  InlineOp inline_op() const noexcept override { return InlineOp::kToKernel; }
  std::vector<CounterValue> counters() const override { return {{"packets", packets_.value()}}; }

 private:
  Reason reason_ = 0;
  Count packets_;
};

extern const ElementClass kToKernelClass;

}  // namespace fulcrum
