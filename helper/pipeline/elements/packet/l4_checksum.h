// SPDX-License-Identifier: MIT
// l4_checksum.h - what of a datagram its TCP, UDP or ICMP checksum covers.
#pragma once

#include "fulcrum/checksum.h"
#include "pipeline/elements/packet/ip_span.h"

namespace fulcrum {

// A checksum field and what it covers: itself among `bytes` from `at` on, and a pseudo header.
struct Covered {
  std::uint8_t* at = nullptr;
  std::uint32_t bytes = 0;
  std::uint8_t* field = nullptr;
  std::uint64_t pseudo = 0;  // sum
  bool udp = false;          // zero means something: RFC 768, RFC 8200 8.1
};

inline std::uint64_t pseudo_header(const IpSpan& s, const L4Span& l4, std::uint32_t bytes) noexcept {
  return s.v6 ? pseudo_header6(s.ip, l4.proto, bytes) : pseudo_header4(s.ip, l4.proto, bytes);
}

// kNone: there is nothing here to check - a fragment, a source route with stops left,
// another protocol. kCut: a header or UDP length that cannot be.
inline Form find_covered(const IpSpan& s, Covered& c) noexcept {
  L4Span l4;
  if (find_l4(s, l4) != Form::kWhole) return Form::kCut;
  if (l4.fragment || l4.routed_on) return Form::kNone;
  c = {.at = l4.at, .bytes = l4.bytes, .udp = l4.proto == FULCRUM_PROTO_UDP};
  std::uint32_t header = 8, field = 2;  // ICMP
  if (l4.proto == FULCRUM_PROTO_TCP)
    header = 20, field = 16;
  else if (c.udp)
    field = 6;
  else if (l4.proto != (s.v6 ? kProtoIcmp6 : kProtoIcmp))
    return Form::kNone;
  if (l4.bytes < header) return Form::kCut;
  if (c.udp) {
    c.bytes = load_be16(l4.at + 4);
    if (c.bytes < header || c.bytes > l4.bytes) return Form::kCut;
  }
  c.field = l4.at + field;
  if (l4.proto != kProtoIcmp) c.pseudo = pseudo_header(s, l4, c.bytes);
  return Form::kWhole;
}

inline bool is_right(const IpSpan& s, const Covered& c) noexcept {
  if (c.udp && load_checksum(c.field) == 0) return !s.v6;
  return checksum_fold(checksum_add(c.pseudo, c.at, c.bytes)) == 0xffff;
}

inline void make_right(const Covered& c) noexcept {
  store_checksum(c.field, 0);
  const std::uint16_t check = checksum_of(checksum_add(c.pseudo, c.at, c.bytes));
  store_checksum(c.field, c.udp && check == 0 ? std::uint16_t{0xffff} : check);
}

inline void make_right4(const IpSpan& s) noexcept {
  store_checksum(s.ip + 10, 0);
  store_checksum(s.ip + 10, checksum_of(checksum_add(0, s.ip, s.header_bytes)));
}

}  // namespace fulcrum
