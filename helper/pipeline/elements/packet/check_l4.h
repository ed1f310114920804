// SPDX-License-Identifier: MIT
// check_l4.h - CheckL4Checksum: right TCP, UDP or ICMP checksum -> 0, wrong -> 1.
//
// SYNOPSIS  CheckL4Checksum
// INPUTS    0
// OUTPUTS   0 good: the checksum is right, or there is none to check (see NOTES);
//             must be connected
//           1 bad: the checksum is wrong; a TCP, UDP or ICMP header, or a UDP length,
//             that is beyond the datagram; an IP header or length that CheckIPHeader
//             would refuse; UDP over IPv6 without a checksum (RFC 8200 section 8.1).
//             Unconnected: dropped as "bad_l4_checksum"
// ARGUMENTS none
// COUNTERS  bad
//           unchecked: left by output 0 without a look
// NOTES     TCP, UDP and ICMP over IPv4, TCP, UDP and ICMPv6 over IPv6 are checked.
//           Unchecked pass: fragments (their checksum covers the whole datagram), packets
//           with a source route that has stops left (it covers the last address), all
//           other protocols, and what is not IP. UDP over IPv4 with a zero checksum has
//           none and is good. The IPv4 header's own checksum is CheckIPHeader's.
// SEE       RFC 768, RFC 792, RFC 1071, RFC 4443, RFC 8200, RFC 9293
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class CheckL4Checksum final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  Count bad_, unchecked_;
};

extern const ElementClass kCheckL4ChecksumClass;

}  // namespace fulcrum
