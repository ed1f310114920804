// SPDX-License-Identifier: MIT
// check_ip6.h - CheckIP6Header: IPv6 packets with a sound header -> 0, all others -> 1.
//
// SYNOPSIS  CheckIP6Header
// INPUTS    0
// OUTPUTS   0 good; must be connected
//           1 bad: not IPv6, version, a header or payload length beyond the frame, or
//             a multicast source (RFC 4291 section 2.7). Unconnected: dropped as
//             "bad_ip6_header"
// ARGUMENTS none
// COUNTERS  bad
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class CheckIP6Header final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  InlineOp inline_op() const noexcept override { return InlineOp::kCheckIp6; }
  std::vector<CounterValue> counters() const override { return {{"bad", bad_.value()}}; }

 private:
  Count bad_;
};

extern const ElementClass kCheckIP6HeaderClass;

}  // namespace fulcrum
