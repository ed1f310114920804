// SPDX-License-Identifier: MIT
// classifier.h - Classifier: output by the first byte pattern that a packet meets.
//
// SYNOPSIS  Classifier(PATTERN, PATTERN, …)
// INPUTS    0
// OUTPUTS   one a PATTERN; each must be connected. Packets that meet none are dropped as
//           "no_pattern"
// ARGUMENTS PATTERN 1 to 64 of them: clauses with spaces between, all of which hold, or
//             "-", which every packet meets
//           clause OFFSET/VALUE[%MASK]: the bytes from OFFSET on are VALUE
//             OFFSET bytes from the Ethernet header on, 0 to 65535
//             VALUE  hexadecimal digits, two a byte; "?" is any digit
//             MASK   as many digits: only its bits count
//             With "!" in front a clause holds where it would not without
// COUNTERS  no_pattern
// NOTES     Bytes behind the end of a packet are equal to nothing: "60/00" does not hold for
//           a packet of 60 bytes, "!60/00" does. An 802.1Q tag moves all behind it by 4.
//           Classifier(12/0800 23/06, 12/0800 23/11, 12/86dd, -) tells TCP and UDP over IPv4
//           without tags, IPv6 and the rest
// SEE       IPClassifier
#pragma once

#include <optional>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/flow/byte_patterns.h"
#include "pipeline/elements/flow/open_outputs.h"

namespace fulcrum {

class Classifier final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::span<const OutputSpec> outputs() const override { return outputs_.specs(); }
  std::vector<CounterValue> counters() const override { return {{"no_pattern", no_pattern_.value()}}; }

 private:
  OpenOutputs outputs_;
  std::optional<PatternGraph> graph_;
  Reason reason_ = 0;
  Count no_pattern_;
};

extern const ElementClass kClassifierClass;

}  // namespace fulcrum
