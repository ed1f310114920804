// SPDX-License-Identifier: MIT
// vlan_encap.h - VLANEncap: puts a VLAN tag in front of the EtherType -> output 0.
//
// SYNOPSIS  VLANEncap(ID n [, PRIO n] [, TPID 802.1q | 802.1ad])
// INPUTS    0
// OUTPUTS   0 packets, 4 bytes longer; must be connected
//           A frame without a whole Ethernet header is dropped as "short_frame".
// ARGUMENTS ID    VLAN identifier, 0 to 4094; 0 says priority only
//           PRIO  priority code point, 0 to 7 (default 0)
//           TPID  kind of tag: 802.1q (0x8100, default), or 802.1ad (0x88a8), the service
//                 tag of QinQ
// COUNTERS  packets
//           short: dropped as "short_frame"
// NOTES     The new tag is the outermost. QinQ: VLANEncap(ID 10) -> VLANEncap(ID 200,
//           TPID 802.1ad). Elements behind still find the packet's IP header. The frame
//           may be longer than the port's link allows: its MTU is the operator's.
// SEE       IEEE 802.1Q; VLANDecap
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class VLANEncap final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  std::uint32_t tpid_ = 0, tci_ = 0;
  Reason short_frame_ = 0;
  Count packets_, short_;
};

extern const ElementClass kVLANEncapClass;

}  // namespace fulcrum
