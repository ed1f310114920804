// SPDX-License-Identifier: MIT
// icmp_rules.h - may a router answer this packet with an ICMP error?
//
// RFC 1812 section 4.3.2.7 and RFC 4443 section 2.4 (e), in the order of names below.
#pragma once

#include "pipeline/elements/packet/ip_span.h"

namespace fulcrum {

enum class Refusal : std::uint8_t { kNone, kNotIp, kToGroup, kBadSource, kLateFragment, kAboutError };

// 0/8, 127/8, multicast, 240/4 and broadcast name no host to answer to.
inline bool is_host4(const std::uint8_t* a) noexcept { return a[0] != 0 && a[0] != 127 && a[0] < 224; }

// Multicast, unspecified and loopback do not.
inline bool is_host6(const std::uint8_t* a) noexcept {
  std::uint8_t any = 0;
  for (unsigned k = 0; k < 15; ++k) any |= a[k];
  return a[0] != 0xff && (any != 0 || a[15] > 1);
}

inline bool is_group4(const std::uint8_t* a) noexcept {
  return (a[0] & 0xf0) == 0xe0 || (a[0] & a[1] & a[2] & a[3]) == 0xff;
}

// A query or its answer; all others count as errors, unknown ones too.
inline bool is_query4(std::uint8_t type) noexcept {
  return type == 0 || (type >= 8 && type <= 10) || (type >= 13 && type <= 18) || type == 42 || type == 43;
}
// The upper half is informational; a redirect is not answered either.
inline bool is_query6(std::uint8_t type) noexcept { return type >= 128 && type != 137; }

inline Refusal refuse4(const IpSpan& s, const L4Span& l4) noexcept {
  if (is_group4(s.ip + 16)) return Refusal::kToGroup;
  if (!is_host4(s.ip + 12)) return Refusal::kBadSource;
  if (l4.late_fragment) return Refusal::kLateFragment;
  const bool query = l4.bytes && is_query4(l4.at[0]);
  return l4.proto == kProtoIcmp && !query ? Refusal::kAboutError : Refusal::kNone;
}

// `to_groups`: packet too big is sent about multicast as well. Late fragments are
// answered, but for ICMPv6's, of which nobody knows what they are.
inline Refusal refuse6(const IpSpan& s, const L4Span& l4, bool to_groups) noexcept {
  if (s.ip[24] == 0xff && !to_groups) return Refusal::kToGroup;
  if (!is_host6(s.ip + 8)) return Refusal::kBadSource;
  const bool query = !l4.late_fragment && l4.bytes && is_query6(l4.at[0]);
  return l4.proto == kProtoIcmp6 && !query ? Refusal::kAboutError : Refusal::kNone;
}

// The packet has its Ethernet header in front; on kNone `s` is its datagram.
inline Refusal refuse(Batch& b, unsigned i, bool too_big, IpSpan& s) noexcept {
  L4Span l4;
  if (find_ip(b, i, s) != Form::kWhole || b.l3_off[i] < FULCRUM_ETH_BYTES) return Refusal::kNotIp;
  if (find_l4(s, l4) != Form::kWhole) return Refusal::kNotIp;
  const bool to_groups = too_big && s.v6;
  if (b.data[i][0] & 1 && !to_groups) return Refusal::kToGroup;
  if (b.data[i][6] & 1) return Refusal::kBadSource;  // of the frame: that is where the answer goes
  return s.v6 ? refuse6(s, l4, to_groups) : refuse4(s, l4);
}

}  // namespace fulcrum
