// SPDX-License-Identifier: MIT
// strip.h - Strip: takes bytes off the front of every packet -> 0; too short -> 1.
//
// SYNOPSIS  Strip(BYTES n)
// INPUTS    0
// OUTPUTS   0 packets, n bytes shorter, of one byte at least; must be connected
//           1 short: n bytes or fewer, untouched. Unconnected: dropped as "short_frame"
// ARGUMENTS BYTES  1 to 65535
// COUNTERS  short: left by output 1
// NOTES     The packet begins n bytes further on, and its headers are found there by the
//           elements behind: after Strip(BYTES 14) of an untagged frame its IP header is
//           its first byte. Where n goes beyond the IP header's first byte, the packet is
//           not IP any more. Ethernet addresses that an element before chose go with the
//           bytes: choose them once the packet has its Ethernet header, or another one.
//           Nothing is lost of what is taken off until another element writes there: see Unstrip.
// SEE       Unstrip, VLANDecap
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class Strip final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override { return {{"short", short_.value()}}; }

 private:
  std::uint32_t bytes_ = 0;
  Count short_;
};

extern const ElementClass kStripClass;

}  // namespace fulcrum
