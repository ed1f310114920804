// SPDX-License-Identifier: MIT
// set_dscp.h - SetIPDSCP: writes the DSCP of IPv4 and IPv6 packets -> output 0.
//
// SYNOPSIS  SetIPDSCP(DSCP value)
// INPUTS    0
// OUTPUTS   0 packets; must be connected. What is not IP passes here untouched
//           An IP header beyond the frame is dropped as "bad_ip_header".
// ARGUMENTS DSCP  0 to 63, or its name: cs0 to cs7, af11 to af43, ef, va (voice admit), le
// COUNTERS  changed: packets that had another
// NOTES     ECN stays. The IPv4 header checksum is updated (RFC 1624), so one that was wrong
//           stays wrong.
// SEE       RFC 2474, RFC 2597, RFC 3246, RFC 3260, RFC 5865, RFC 8622
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

class SetIPDSCP final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override { return {{"changed", changed_.value()}}; }

 private:
  std::uint8_t dscp_ = 0;
  Reason bad_header_ = 0;
  Count changed_;
};

extern const ElementClass kSetIPDSCPClass;

}  // namespace fulcrum
