// SPDX-License-Identifier: MIT
// ip_span.h - packet of a batch -> its datagram and what that carries, all inside the frame.
//
// What an element computes with comes from the headers themselves, so that lengths that
// lie lead nowhere; the batch's offsets only say where L3 begins.
#pragma once

#include "fulcrum/batch.h"
#include "fulcrum_parse.h"  // include/uapi

namespace fulcrum {

inline constexpr std::uint8_t kProtoIcmp = 1, kProtoIcmp6 = FULCRUM_PROTO_ICMP6;
inline constexpr std::uint32_t kIp4Bytes = 20;  // without options
inline constexpr std::uint32_t kIp6Bytes = 40;

inline std::uint32_t load_be16(const std::uint8_t* p) noexcept { return std::uint32_t{p[0]} << 8 | p[1]; }
inline void store_be16(std::uint8_t* p, std::uint32_t v) noexcept {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}

enum class Form : std::uint8_t { kNone, kCut, kWhole };

// A datagram: `bytes` from ip on, by its length field, are in the frame.
struct IpSpan {
  std::uint8_t* ip = nullptr;
  std::uint32_t header_bytes = 0;  // IPv6: without extension headers
  std::uint32_t bytes = 0;
  bool v6 = false;
};

// kNone: not IP. kCut: a header or length that cannot be.
inline Form find_ip(Batch& b, unsigned i, IpSpan& s) noexcept {
  s.v6 = b.flags[i] & FULCRUM_META_IP6;
  if (!s.v6 && !(b.flags[i] & FULCRUM_META_IP4)) return Form::kNone;
  const std::uint32_t least = s.v6 ? kIp6Bytes : kIp4Bytes;
  if (b.l3_off[i] + least > b.len[i]) return Form::kCut;
  s.ip = b.l3(i);
  if (s.ip[0] >> 4 != (s.v6 ? 6 : 4)) return Form::kCut;
  s.header_bytes = s.v6 ? kIp6Bytes : (s.ip[0] & 15u) * 4;
  s.bytes = s.v6 ? kIp6Bytes + load_be16(s.ip + 4) : load_be16(s.ip + 2);
  const bool holds = s.header_bytes >= least && s.header_bytes <= s.bytes && s.bytes <= b.l3_len(i);
  return holds ? Form::kWhole : Form::kCut;
}

// Offset of the fragment in bytes | its more-fragments bit, which is 1 here.
inline std::uint32_t fragment_of4(const std::uint8_t* ip) noexcept {
  const std::uint32_t word = load_be16(ip + 6);
  return (word & 0x1fff) << 3 | (word >> 13 & 1);
}

// A source route that is not at its end: the destination is not the last one (RFC 791 3.1).
inline bool has_route_left4(const IpSpan& s) noexcept {
  for (std::uint32_t at = kIp4Bytes; at < s.header_bytes;) {
    const std::uint8_t kind = s.ip[at];
    if (kind == 0) return false;
    if (kind == 1) {
      ++at;
      continue;
    }
    if (at + 2 >= s.header_bytes || s.ip[at + 1] < 2) return false;
    if ((kind == 131 || kind == 137) && s.ip[at + 2] <= s.ip[at + 1]) return true;
    at += s.ip[at + 1];
  }
  return false;
}

// The last header of a datagram.
struct L4Span {
  std::uint8_t* at = nullptr;
  std::uint32_t bytes = 0;  // to the datagram's end
  std::uint8_t proto = 0;
  bool fragment = false;       // any, but an atomic one (RFC 6946)
  bool late_fragment = false;  // not the first: `at` is in the middle of its L4
  bool routed_on = false;      // destination is not the final one
};

// kCut: extension headers beyond the datagram, or more than the parser follows.
inline Form find_l4_6(const IpSpan& s, L4Span& l4) noexcept {
  std::uint32_t at = kIp6Bytes;
  l4.proto = s.ip[6];
  for (unsigned n = 0; fulcrum_proto_is_extension(l4.proto) && !l4.late_fragment; ++n) {
    if (n == FULCRUM_IP6_HEADERS || at + 8 > s.bytes) return Form::kCut;
    const std::uint8_t* h = s.ip + at;
    std::uint32_t bytes = (h[1] + 1u) * 8;
    if (l4.proto == FULCRUM_PROTO_AH) bytes = (h[1] + 2u) * 4;
    if (l4.proto == FULCRUM_PROTO_ROUTING) l4.routed_on |= h[3] != 0;
    if (l4.proto == FULCRUM_PROTO_FRAGMENT) {
      bytes = 8;
      l4.fragment |= (load_be16(h + 2) & 0xfff9) != 0;
      l4.late_fragment = load_be16(h + 2) >> 3 != 0;
    }
    if (at + bytes > s.bytes) return Form::kCut;
    l4.proto = h[0];
    at += bytes;
  }
  l4.at = s.ip + at;
  l4.bytes = s.bytes - at;
  return Form::kWhole;
}

inline Form find_l4(const IpSpan& s, L4Span& l4) noexcept {
  l4 = {};
  if (s.v6) return find_l4_6(s, l4);
  const std::uint32_t fragment = fragment_of4(s.ip);
  l4.fragment = fragment != 0;
  l4.late_fragment = fragment > 1;
  l4.routed_on = s.header_bytes > kIp4Bytes && has_route_left4(s);
  l4.at = s.ip + s.header_bytes;
  l4.bytes = s.bytes - s.header_bytes;
  l4.proto = s.ip[9];
  return Form::kWhole;
}

}  // namespace fulcrum
