// SPDX-License-Identifier: MIT
// ether_mirror.h - EtherMirror: chooses the port by the port a packet came in by -> output 0.
//
// SYNOPSIS  EtherMirror([MODE echo | cross | round_robin | round_robin_batch] [, PORTS name…]
//             [, ADDRESSES swap | keep])
// INPUTS    0
// OUTPUTS   0 packets, for a ToPort without argument; must be connected
// ARGUMENTS MODE       echo: back out of the port it came in by (default)
//                      cross: ports are pairs in the order of PORTS, first and second,
//                      third and fourth …: in by one, out by the other
//                      round_robin: each packet by the next of PORTS
//                      round_robin_batch: each batch by the next of PORTS
//           PORTS      names of ports, parted by blanks: 2 to 64, for cross an even number
//                      of different ones. Needed by all modes but echo, which takes none
//           ADDRESSES  swap: source and destination address change places (default);
//                      keep: they stay
// COUNTERS  packets
//           no_port: dropped as "no_port": came in by a port that is not among PORTS
//             (cross only)
// NOTES     Addresses are written when the packet leaves, as EtherRewrite's; an
//           EtherRewrite behind has the last word. A packet too short to have addresses
//           keeps them. Round robin starts at the first of PORTS in every worker, and goes
//           on where it was when a pipeline is loaded. It does not keep a flow on one port.
#pragma once

#include <array>
#include <vector>

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class ArgReader;

class EtherMirror final : public Element {
 public:
  enum class Mode : std::uint8_t { kEcho, kCross, kRoundRobin, kRoundRobinBatch };

  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  void adopt(Element& before) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  void check_ports(ArgReader& args, const Arg* given);
  std::uint16_t next_port() noexcept;

  Mode mode_ = Mode::kEcho;
  bool swap_ = true;
  std::vector<std::uint16_t> ports_;
  std::array<std::uint16_t, FULCRUM_MAX_PORTS> other_{};  // of its pair, by port
  std::size_t next_ = 0;                                  // index in ports_
  Reason no_port_ = 0;
  Count packets_, astray_;
};

extern const ElementClass kEtherMirrorClass;

}  // namespace fulcrum
