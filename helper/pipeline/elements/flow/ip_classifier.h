// SPDX-License-Identifier: MIT
// ip_classifier.h - IPClassifier: output by the first tcpdump expression that a packet meets.
//
// SYNOPSIS  IPClassifier(EXPRESSION, EXPRESSION, …)
// INPUTS    0
// OUTPUTS   one an EXPRESSION; each must be connected. Packets that meet none are dropped as
//           "no_pattern"
// ARGUMENTS EXPRESSION 1 to 64 of them, as tcpdump takes them: "tcp dst port 80",
//             "src net 10.0.0.0/8 and not icmp", "ip6", "len > 1000". Or "-", which every
//             packet meets. One with a comma or an open parenthesis wants quotes
// COUNTERS  no_pattern
// NOTES     libpcap compiles each to a program of classic BPF, which runs on the frame from
//           its Ethernet header on: whatever tcpdump says of a packet, this says too. As there,
//           "tcp" means untagged frames and "vlan and tcp" tagged ones, and ports are not
//           found behind IPv6 extension headers. Names of hosts are looked up once, when the
//           pipeline is built; addresses are better
// SEE       pcap-filter(7), Classifier
#pragma once

#include <vector>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/flow/open_outputs.h"

struct bpf_insn;

namespace fulcrum {

class IPClassifier final : public Element {
 public:
  IPClassifier();
  ~IPClassifier() override;
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::span<const OutputSpec> outputs() const override { return outputs_.specs(); }
  std::vector<CounterValue> counters() const override { return {{"no_pattern", no_pattern_.value()}}; }

 private:
  OpenOutputs outputs_;
  std::vector<std::vector<bpf_insn>> programs_;  // empty: meets every packet
  Reason reason_ = 0;
  Count no_pattern_;
};

extern const ElementClass kIPClassifierClass;

}  // namespace fulcrum
