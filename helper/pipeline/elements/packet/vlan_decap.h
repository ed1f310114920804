// SPDX-License-Identifier: MIT
// vlan_decap.h - VLANDecap: takes the outermost VLAN tag off -> 0; no such tag -> 1.
//
// SYNOPSIS  VLANDecap([ID n])
// INPUTS    0
// OUTPUTS   0 packets, without their outermost tag, 4 bytes shorter; must be connected
//           1 untagged: no tag, or one with another ID than asked for; packet untouched.
//             Unconnected: dropped as "untagged"
// ARGUMENTS ID  VLAN identifier, 0 to 4094; without it any tag is taken off
// COUNTERS  untagged: left by output 1
// NOTES     Tags are 802.1Q (0x8100) and 802.1ad (0x88a8). QinQ: one VLANDecap a tag.
//           To let frames without tag pass as they are: d :: VLANDecap; d[1] -> … the same.
// SEE       IEEE 802.1Q; VLANEncap
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class VLANDecap final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override { return {{"untagged", untagged_.value()}}; }

 private:
  bool any_ = true;
  std::uint32_t id_ = 0;  // valid where not any_
  Count untagged_;
};

extern const ElementClass kVLANDecapClass;

}  // namespace fulcrum
