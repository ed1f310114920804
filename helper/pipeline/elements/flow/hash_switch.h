// SPDX-License-Identifier: MIT
// hash_switch.h - HashSwitch: packets over N outputs, those of one flow by the same.
//
// SYNOPSIS  HashSwitch(N n [, FIELDS flow | OFFSET bytes, LENGTH bytes] [, SEED n])
// INPUTS    0
// OUTPUTS   0 to N-1; each must be connected
// ARGUMENTS N      number of outputs, 2 to 64
//           FIELDS flow (the default): addresses, protocol and ports. Both directions of a
//                    connection take the same output. Fragments go by their addresses alone, as
//                    only the first has ports; frames that are not IP by their Ethernet header
//           OFFSET first byte that counts, from the Ethernet header on: 0 to 65535
//           LENGTH number of bytes that count, 1 to 64. Of a packet that ends before, those it has
//           SEED   0 to 2^64-1, default 0: another one, another choice. Give elements
//                    that stand behind one another different ones, else the second has
//                    nothing left to choose
// COUNTERS  none; the edges count
// NOTES     The same packet takes the same output in every worker, run and machine.
#pragma once

#include "fulcrum/element.h"
#include "pipeline/elements/flow/open_outputs.h"

namespace fulcrum {

class HashSwitch final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::span<const OutputSpec> outputs() const override { return outputs_.specs(); }

 private:
  std::uint64_t key(const Batch& b, unsigned i) const noexcept;

  OpenOutputs outputs_;
  std::uint32_t offset_ = 0;
  std::uint32_t length_bytes_ = 0;  // 0: by flow
  std::uint64_t seed_ = 0;
};

extern const ElementClass kHashSwitchClass;

}  // namespace fulcrum
