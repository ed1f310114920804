// SPDX-License-Identifier: MIT
// store_bytes.h - StoreBytes: overwrites bytes at a fixed place of every packet -> 0; too short -> 1.
//
// SYNOPSIS  StoreBytes(OFFSET n, DATA "bytes")
// INPUTS    0
// OUTPUTS   0 packets; must be connected
//           1 short: a packet that ends before the last of these bytes, untouched.
//             Unconnected: dropped as "short_frame"
// ARGUMENTS OFFSET  from the packet's first byte, 0 to 65535
//           DATA    1 to 1500 bytes, as a string: "\x08\x00", "text"
// COUNTERS  short: left by output 1
// NOTES     No checksum is updated: put SetChecksums behind. Where the packet begins with
//           its Ethernet header and headers may have changed, it is parsed anew. Ethernet
//           addresses that a lookup or EtherRewrite chose are written later, over these bytes.
// SEE       SetChecksums, Unstrip
#pragma once

#include <string>

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class StoreBytes final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override { return {{"short", short_.value()}}; }

 private:
  std::uint32_t offset_ = 0;
  std::string data_;
  Count short_;
};

extern const ElementClass kStoreBytesClass;

}  // namespace fulcrum
