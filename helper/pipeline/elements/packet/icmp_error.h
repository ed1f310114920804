// SPDX-License-Identifier: MIT
// icmp_error.h - ICMPError: a packet becomes the ICMP error about it, on its way back -> output 0.
//
// SYNOPSIS  ICMPError(TYPE ttl_exceeded | unreachable | fragmentation_needed | packet_too_big
//             [, CODE net | host | port | admin] [, MTU n] [, ADDRESS address…] [, PORTS name…]
//             [, RATE n] [, BURST n])
// INPUTS    0
// OUTPUTS   0 errors, for a ToPort without argument: they leave by the port the packet came
//             in by, to the address it came from; must be connected
//           All others are dropped, by these names:
//             icmp_not_ip         no whole IP packet behind an Ethernet header
//             icmp_to_group       packet was sent to a multicast or broadcast address, of
//                                 IP or of Ethernet (packet too big of IPv6 is sent)
//             icmp_bad_source     its source is no single host
//             icmp_late_fragment  it is an IPv4 fragment, and not the first
//             icmp_about_error    it is an ICMP error itself, or may be one: ICMP of an
//                                 unknown type, a later ICMPv6 fragment
//             icmp_no_address     no ADDRESS or port's address of its family to send from
//             icmp_rate_limited   RATE and BURST are used up
// ARGUMENTS TYPE     ttl_exceeded: hop limit exceeded in IPv6 (11/0; 3/0)
//                    unreachable: with CODE
//                    fragmentation_needed, packet_too_big: two names for one, with MTU
//                    (3/4; 2/0)
//           CODE     net (3/0; no route 1/0), host (3/1; 1/3), port (3/3; 1/4), admin
//                    (prohibited 3/13; 1/1); with TYPE unreachable only, needed there
//           MTU      bytes of an IP packet that the next link takes, 68 to 65535; IPv6 says
//                    1280 at least. With fragmentation_needed only, needed there
//           ADDRESS  source of the errors: an IPv4 address, an IPv6 address, or both
//           PORTS    names of ports: errors about packets that came in by one of these come
//                    from the first address that it has when the pipeline is loaded
//                    (IPv6: a global one), else from ADDRESS. ADDRESS, PORTS or both are needed
//           RATE     errors a second, 1 to 1000000 (default 1000), of each worker
//           BURST    errors at once, 1 to 10000 (default 50)
// COUNTERS  sent
//           refused: dropped for another reason than the rate
//           limited: dropped as "icmp_rate_limited"
// NOTES     The error quotes the datagram, as it is here, up to 576 bytes in all for IPv4
//           and 1280 for IPv6. It has TTL 64 and DSCP cs6. Time is the packets' own, so a
//           capture gives the same answer each time. Checksums of what comes in are not
//           looked at: put CheckIPHeader before. Broadcast addresses of subnets are not known
//           here. Ethernet addresses chosen before are replaced by the frame's own, changed over.
// SEE       RFC 792, RFC 1191, RFC 1812 section 4.3.2, RFC 4443 section 2.4; IPFragmenter, DecIPTTL
#pragma once

#include <array>
#include <vector>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/packet/token_bucket.h"

namespace fulcrum {

class ArgReader;

class ICMPError final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  void adopt(Element& before) noexcept override;
  std::vector<CounterValue> counters() const override;

  // What the error says, in each family.
  struct Kind {
    std::uint8_t type4 = 0, code4 = 0, type6 = 0, code6 = 0;
    bool too_big = false;
  };
  // Addresses that errors come from.
  struct Source {
    bool has4 = false, has6 = false;
    std::array<std::uint8_t, 4> v4{};
    std::array<std::uint8_t, 16> v6{};
  };

 private:
  void read_kind(ArgReader& args);
  void read_sources(ArgReader& args, Setup& setup);
  Reason answer(Batch& b, unsigned i) noexcept;

  Kind kind_;
  std::uint32_t mtu_ = 0;
  std::vector<Source> source_;  // by port
  TokenBucket bucket_;
  std::array<Reason, 6> refused_as_{};  // by Refusal
  Reason no_address_ = 0, limited_as_ = 0;
  Count sent_, refused_, limited_;
};

extern const ElementClass kICMPErrorClass;

}  // namespace fulcrum
