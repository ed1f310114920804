// SPDX-License-Identifier: MIT
// sample.h - Sample: tells encrypted and compressed payloads from the rest
//
// SYNOPSIS
//   Sample([BELOW THOUSANDTHS])
//
// INPUTS
//   0: any packet
//
// OUTPUTS
//   0 other: payload with a pattern, shorter than 64 bytes, or none
//   1 random: looks random; unconnected: dropped as "random_payload"
//
// ARGUMENTS
//   BELOW: random is a payload in which two bytes are equal at most this often, in
//   thousandths of the chance among random bytes: 1000 to 256000, default 2000
//
// COUNTERS
//   other, random: packets
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum::sample {

class Sample final : public Element, public Offload {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;
  Offload* offload() noexcept override { return this; }
  const KernelDecl& kernel() const noexcept override;
  KernelTable table() noexcept override { return {}; }
  void finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept override;

 private:
  void split(Mask in, Mask random, Mask* out) noexcept;

  std::uint32_t below_ = 2000;
  Count other_, random_;
};

}  // namespace fulcrum::sample
