// SPDX-License-Identifier: MIT
// ip_fragments.h - how RFC 791 cuts an IPv4 datagram: sizes and headers.
#pragma once

#include <array>
#include <cstring>

#include "pipeline/elements/packet/l4_checksum.h"

namespace fulcrum {

inline constexpr std::uint32_t kMaxIp4Header = 60;
inline constexpr std::uint32_t kMaxIp4Bytes = 65535;

// A datagram's way into fragments: the first keeps its header, later ones have `later`.
struct Cut {
  std::uint32_t first_bytes = 0;   // of payload in the first
  std::uint32_t later_bytes = 0;   // of payload in a later one, but the last
  std::uint32_t later_header = 0;  // bytes of `later`
  unsigned later_count = 0;
  std::array<std::uint8_t, kMaxIp4Header> later{};
};

// The header of later fragments: options whose copied flag is set, in their order,
// padded with zeros. False: an option has a length that cannot be.
inline bool make_later_header(const IpSpan& s, Cut& cut) noexcept {
  std::memcpy(cut.later.data(), s.ip, kIp4Bytes);
  std::uint32_t used = kIp4Bytes;
  for (std::uint32_t at = kIp4Bytes; at < s.header_bytes && s.ip[at] != 0;) {
    if (s.ip[at] == 1) {
      ++at;
      continue;
    }
    const std::uint32_t bytes = at + 1 < s.header_bytes ? s.ip[at + 1] : 0;
    if (bytes < 2 || at + bytes > s.header_bytes) return false;
    if (s.ip[at] & 0x80) {
      std::memcpy(&cut.later[used], s.ip + at, bytes);
      used += bytes;
    }
    at += bytes;
  }
  cut.later_header = (used + 3) & ~3u;
  cut.later[0] = static_cast<std::uint8_t>(0x40 | cut.later_header / 4);
  return true;
}

// `mtu` holds the longest header and 8 bytes; the datagram is longer than it. False: see above.
inline bool plan_cut(const IpSpan& s, std::uint32_t mtu, Cut& cut) noexcept {
  if (!make_later_header(s, cut)) return false;
  cut.first_bytes = (mtu - s.header_bytes) & ~7u;
  cut.later_bytes = (mtu - cut.later_header) & ~7u;
  const std::uint32_t left = s.bytes - s.header_bytes - cut.first_bytes;
  cut.later_count = (left + cut.later_bytes - 1) / cut.later_bytes;
  return true;
}

// The fields of the fragment whose header stands at `ip`; `offset` is in bytes, from the original datagram's start.
inline void seal_fragment(std::uint8_t* ip, std::uint32_t header_bytes, std::uint32_t payload_bytes,
                          std::uint32_t offset, bool more) noexcept {
  store_be16(ip + 2, header_bytes + payload_bytes);
  store_be16(ip + 6, (ip[6] & 0x80u) << 8 | std::uint32_t{more} << 13 | offset >> 3);
  make_right4({.ip = ip, .header_bytes = header_bytes});
}

}  // namespace fulcrum
