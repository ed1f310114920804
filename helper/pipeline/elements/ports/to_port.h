// SPDX-License-Identifier: MIT
// to_port.h - ToPort: input -> sent on a port, with the Ethernet addresses a lookup chose.
//
// SYNOPSIS  ToPort(NAME) | ToPort
// INPUTS    0
// OUTPUTS   none: every packet gets the verdict tx
// ARGUMENTS NAME  network interface, or the NAME of `fulcrum run --out-port NAME=FILE`;
//                 without it the packet goes to the port that a lookup before it chose,
//                 and is dropped as "no_port" when none did
// COUNTERS  packets, bytes: sent
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class ToPort final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  InlineOp inline_op() const noexcept override { return fixed_ == kNoPort ? InlineOp::kToRoutedPort : InlineOp::kNone; }
  std::vector<CounterValue> counters() const override;

 private:
  std::uint16_t fixed_ = kNoPort;
  Reason no_port_ = 0;
  Count packets_, bytes_;
};

extern const ElementClass kToPortClass;

}  // namespace fulcrum
