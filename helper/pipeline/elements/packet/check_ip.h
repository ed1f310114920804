// SPDX-License-Identifier: MIT
// check_ip.h - CheckIPHeader: IPv4 packets with a sound header -> 0, all others -> 1.
//
// SYNOPSIS  CheckIPHeader
// INPUTS    0
// OUTPUTS   0 good; must be connected
//           1 bad: not IPv4, or a header that RFC 1812 section 5.2.2 has discarded:
//             version, header length (at least 20 bytes, inside the frame), total length
//             (at least the header, inside the frame), checksum, or a source that
//             is multicast or 255.255.255.255. Unconnected: dropped as "bad_ip_header"
// ARGUMENTS none
// COUNTERS  bad
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class CheckIPHeader final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  InlineOp inline_op() const noexcept override { return InlineOp::kCheckIp4; }
  std::vector<CounterValue> counters() const override { return {{"bad", bad_.value()}}; }

 private:
  Count bad_;
};

extern const ElementClass kCheckIPHeaderClass;

}  // namespace fulcrum
