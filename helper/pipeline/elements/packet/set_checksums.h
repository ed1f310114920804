// SPDX-License-Identifier: MIT
// set_checksums.h - SetChecksums: IPv4 header, TCP, UDP and ICMP checksums computed anew -> 0.
//
// SYNOPSIS  SetChecksums
// INPUTS    0
// OUTPUTS   0 packets: all checksums that can be computed are right; must be connected.
//             What is not IP passes here untouched
//           1 bad: a header or length that is beyond the frame or the datagram, so that
//             nobody can say what a checksum would cover; packet untouched.
//             Unconnected: dropped as "bad_length"
// ARGUMENTS none
// COUNTERS  bad
//           header_only: IPv4 header written, L4 left as it is (see NOTES)
// NOTES     A fragment gets its IPv4 header's checksum only: that of L4 covers the whole
//           datagram. So does a packet with a source route that has stops left, and
//           any protocol but TCP, UDP, ICMP (over IPv4) and ICMPv6 (over IPv6). In IPv6
//           these pass untouched. UDP gets a checksum also where it had none.
// SEE       RFC 768, RFC 791, RFC 1071, RFC 4443, RFC 8200, RFC 9293
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class SetChecksums final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  Count bad_, header_only_;
};

extern const ElementClass kSetChecksumsClass;

}  // namespace fulcrum
