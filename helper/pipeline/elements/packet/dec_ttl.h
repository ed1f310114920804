// SPDX-License-Identifier: MIT
// dec_ttl.h - DecIPTTL: IPv4 time to live less one -> 0; no hop left -> 1.
//
// SYNOPSIS  DecIPTTL
// INPUTS    0
// OUTPUTS   0 alive: TTL lowered, header checksum updated as Linux's ip_decrease_ttl
//             does (RFC 1624); must be connected. Packets that are not IPv4
//             pass here untouched
//           1 expired: TTL was 0 or 1, packet untouched. Unconnected: to the kernel
//             as "ttl_expired", which answers with ICMP
//           An IPv4 header beyond the frame is dropped as "bad_ip_header".
// ARGUMENTS none
// COUNTERS  expired
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class DecIPTTL final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  InlineOp inline_op() const noexcept override { return InlineOp::kDecTtl4; }
  std::vector<CounterValue> counters() const override { return {{"expired", expired_.value()}}; }

 private:
  Reason bad_header_ = 0;
  Count expired_;
};

extern const ElementClass kDecIPTTLClass;

}  // namespace fulcrum
