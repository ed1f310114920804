// SPDX-License-Identifier: MIT
// packet.h - frames built from parts, for the tests of the front-end.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

namespace fulcrum::test {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes be16(unsigned v) { return {static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)}; }
inline void put16(Bytes& b, std::size_t at, unsigned v) {
  b[at] = static_cast<std::uint8_t>(v >> 8);
  b[at + 1] = static_cast<std::uint8_t>(v);
}
inline Bytes address(const std::string& text) {
  Bytes a(text.find(':') == text.npos ? 4 : 16);
  inet_pton(a.size() == 4 ? AF_INET : AF_INET6, text.c_str(), a.data());
  return a;
}
inline Bytes filled(std::size_t count, std::uint8_t value = 0) { return Bytes(count, value); }

// RFC 1071 over one header whose checksum field is zero.
inline unsigned checksum(const std::uint8_t* p, std::size_t bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes; i += 2) sum += p[i] << 8 | p[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

inline Bytes ethernet(unsigned type, const Bytes& rest, const Bytes& dst = {2, 0, 0, 0, 0, 1}) {
  return dst + Bytes{2, 0, 0, 0, 0, 9} + be16(type) + rest;
}
inline Bytes tag(unsigned type, unsigned vlan, unsigned inner_type) {
  return be16(type) + be16(vlan) + be16(inner_type);
}

struct Ip4 {
  std::string src = "10.1.0.2", dst = "10.9.0.7";
  unsigned proto = 17, ttl = 64, fragment = 0;  // fragment: the header's word at byte 6
  Bytes options = {};
  unsigned total_bytes = 0;  // 0: as it is
};
inline Bytes ip4(const Ip4& h, const Bytes& rest) {
  const std::size_t header = 20 + h.options.size();
  Bytes b = filled(20) + h.options;
  b[0] = static_cast<std::uint8_t>(0x40 | header / 4);
  put16(b, 2, h.total_bytes ? h.total_bytes : static_cast<unsigned>(header + rest.size()));
  put16(b, 4, 0x1234);
  put16(b, 6, h.fragment);
  b[8] = static_cast<std::uint8_t>(h.ttl);
  b[9] = static_cast<std::uint8_t>(h.proto);
  std::memcpy(&b[12], address(h.src).data(), 4);
  std::memcpy(&b[16], address(h.dst).data(), 4);
  put16(b, 10, checksum(b.data(), header));
  return b + rest;
}

struct Ip6 {
  std::string src = "fd01::2", dst = "fd09::7";
  unsigned next = 17, hop_limit = 64;
};
inline Bytes ip6(const Ip6& h, const Bytes& rest) {
  Bytes b = filled(40);
  b[0] = 0x60;
  put16(b, 4, static_cast<unsigned>(rest.size()));
  b[6] = static_cast<std::uint8_t>(h.next);
  b[7] = static_cast<std::uint8_t>(h.hop_limit);
  std::memcpy(&b[8], address(h.src).data(), 16);
  std::memcpy(&b[24], address(h.dst).data(), 16);
  return b + rest;
}
// An extension header of 8 * units bytes.
inline Bytes extension(unsigned next, unsigned units) {
  Bytes b = filled(units * 8, 0);
  b[0] = static_cast<std::uint8_t>(next);
  b[1] = static_cast<std::uint8_t>(units - 1);
  b[2] = 1, b[3] = static_cast<std::uint8_t>(units * 8 - 4);  // PadN to the end
  return b;
}
inline Bytes fragment6(unsigned next, unsigned offset_flags) {
  Bytes b = filled(8);
  b[0] = static_cast<std::uint8_t>(next);
  put16(b, 2, offset_flags);
  b[7] = 77;
  return b;
}

inline Bytes udp(unsigned sport, unsigned dport, std::size_t payload = 18) {
  return be16(sport) + be16(dport) + be16(static_cast<unsigned>(8 + payload)) + be16(0) + filled(payload, 'x');
}
inline Bytes tcp(unsigned sport, unsigned dport, unsigned words = 5, std::size_t payload = 10) {
  Bytes b = be16(sport) + be16(dport) + filled(16);
  b[12] = static_cast<std::uint8_t>(words << 4);
  return b + filled(words > 5 ? (words - 5) * 4 : 0, 1) + filled(payload, 'y');
}

inline Bytes udp4(unsigned sport = 1000, unsigned dport = 53, const Ip4& h = {}) {
  return ethernet(0x0800, ip4(h, udp(sport, dport)));
}
inline Bytes udp6(unsigned sport = 1000, unsigned dport = 53, const Ip6& h = {}) {
  return ethernet(0x86dd, ip6(h, udp(sport, dport)));
}

}  // namespace fulcrum::test
