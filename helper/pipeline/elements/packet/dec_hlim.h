// SPDX-License-Identifier: MIT
// dec_hlim.h - DecIP6HLIM: IPv6 hop limit less one -> 0; no hop left -> 1.
//
// SYNOPSIS  DecIP6HLIM
// INPUTS    0
// OUTPUTS   0 alive: hop limit lowered; must be connected. Packets that are not
//             IPv6 pass here untouched
//           1 expired: hop limit was 0 or 1, packet untouched. Unconnected: to the
//             kernel as "hop_limit_expired", which answers with ICMPv6
//           An IPv6 header beyond the frame is dropped as "bad_ip6_header".
// ARGUMENTS none
// COUNTERS  expired
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class DecIP6HLIM final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  InlineOp inline_op() const noexcept override { return InlineOp::kDecTtl6; }
  std::vector<CounterValue> counters() const override { return {{"expired", expired_.value()}}; }

 private:
  Reason bad_header_ = 0;
  Count expired_;
};

extern const ElementClass kDecIP6HLIMClass;

}  // namespace fulcrum
