// SPDX-License-Identifier: MIT
// unstrip.h - Unstrip: gives back bytes that Strip took off the front -> output 0.
//
// SYNOPSIS  Unstrip(BYTES n)
// INPUTS    0
// OUTPUTS   0 packets, n bytes longer; must be connected
// ARGUMENTS BYTES  1 to 128
// COUNTERS  none
// NOTES     The bytes are those that stood there: Strip(BYTES 14) -> Unstrip(BYTES 14) is the
//           frame as it was. Where less was stripped, or another element wrote there, their
//           content is undefined, may be of another packet, and has to be written by an
//           element behind (StoreBytes). The frame is then parsed anew from its first byte
//           as Ethernet, so that all elements behind find its headers. All elements
//           together may add 128 bytes in front of a packet as it was received.
// SEE       Strip, StoreBytes
#pragma once

#include "fulcrum/element.h"

namespace fulcrum {

class Unstrip final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;

 private:
  std::uint32_t bytes_ = 0;
};

extern const ElementClass kUnstripClass;

}  // namespace fulcrum
