// SPDX-License-Identifier: MIT
// ether_rewrite.h - EtherRewrite: sets the Ethernet addresses of every packet -> output 0.
//
// SYNOPSIS  EtherRewrite([SRC mac] [, DST mac])
// INPUTS    0
// OUTPUTS   0 packets; must be connected
// ARGUMENTS SRC  source address, as 02:00:00:00:00:01; without it the old one stays
//           DST  destination address, likewise; one of the two must be given
// NOTES     the addresses are written when the packet leaves; elements behind see the old ones
// COUNTERS  none
#pragma once

#include "fulcrum/element.h"

namespace fulcrum {

class EtherRewrite final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;

 private:
  std::uint8_t dst_[6] = {};
  std::uint8_t src_[6] = {};
  bool has_dst_ = false;
  bool has_src_ = false;
};

extern const ElementClass kEtherRewriteClass;

}  // namespace fulcrum
