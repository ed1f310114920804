// SPDX-License-Identifier: MIT
// packet_size_classifier.h - PacketSizeClassifier: output by the length of the frame.
//
// SYNOPSIS  PacketSizeClassifier(SIZE, SIZE, …)
// INPUTS    0
// OUTPUTS   0 frames of at most the first SIZE
//           k frames above SIZE k-1 and of at most SIZE k; as many as there are SIZEs
//           last: frames above all of them. Each must be connected
// ARGUMENTS SIZE 1 to 63 of them, ascending, 1B to 64KiB. Counted from the Ethernet
//             header on, without frame check sequence: "1514" is a full frame
// COUNTERS  none; the edges count
#pragma once

#include "fulcrum/element.h"
#include "pipeline/elements/flow/open_outputs.h"

namespace fulcrum {

class PacketSizeClassifier final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::span<const OutputSpec> outputs() const override { return outputs_.specs(); }

 private:
  std::vector<std::uint32_t> sizes_bytes_;
  OpenOutputs outputs_;
};

extern const ElementClass kPacketSizeClassifierClass;

}  // namespace fulcrum
