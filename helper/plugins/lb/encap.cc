// SPDX-License-Identifier: MIT
// encap.cc - a datagram -> the same inside another one, addressed to a backend.
#include "plugins/lb/encap.h"

#include <cstring>

#include "fulcrum/checksum.h"
#include "fulcrum/reparse.h"

namespace fulcrum::lb {
namespace {

constexpr std::uint32_t kIp4Bytes = 20, kIp6Bytes = 40, kUdpBytes = 8, kGueBytes = 4;
constexpr std::uint8_t kProtoIp4 = 4, kProtoIp6 = 41;

void store16(std::uint8_t* p, std::uint32_t v) noexcept {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}

void write_ip4(std::uint8_t* h, const Settings& s, const Outer& outer, std::uint8_t traffic_class, std::uint8_t proto,
               std::uint32_t total_bytes) noexcept {
  h[0] = 0x45, h[1] = traffic_class;
  store16(h + 2, total_bytes);
  store16(h + 4, outer.id);
  store16(h + 6, 0x4000);  // DF
  h[8] = s.ttl, h[9] = proto;
  std::memcpy(h + 12, s.source4->bytes, 4);
  std::memcpy(h + 16, outer.to.bytes, 4);
  store_checksum(h + 10, 0);
  store_checksum(h + 10, checksum_of(checksum_add(0, h, kIp4Bytes)));
}

void write_ip6(std::uint8_t* h, const Settings& s, const Outer& outer, std::uint8_t traffic_class, std::uint8_t proto,
               std::uint32_t payload_bytes) noexcept {
  const auto label = static_cast<std::uint32_t>(outer.flow_hash & 0xfffff);
  h[0] = static_cast<std::uint8_t>(0x60 | traffic_class >> 4);
  h[1] = static_cast<std::uint8_t>(traffic_class << 4 | label >> 16);
  store16(h + 2, label);
  store16(h + 4, payload_bytes);
  h[6] = proto, h[7] = s.ttl;
  std::memcpy(h + 8, s.source6->bytes, 16);
  std::memcpy(h + 24, outer.to.bytes, 16);
}

// `h` is at the UDP header, `bytes` with it; the outer IP header is in front.
void write_gue(std::uint8_t* h, const Settings& s, const Outer& outer, std::uint8_t inner_proto,
               std::uint32_t bytes) noexcept {
  store16(h, static_cast<std::uint32_t>(0xc000 | (outer.flow_hash & 0x3fff)));  // of the dynamic ports
  store16(h + 2, s.gue_port);
  store16(h + 4, bytes);
  store16(h + 6, 0);
  h[8] = 0, h[9] = inner_proto;  // variant 0, a data message, no optional fields
  store16(h + 10, 0);
  if (!outer.to.v6) return;  // RFC 768 lets it be; over IPv6 it is there
  const std::uint16_t check =
      checksum_of(checksum_add(pseudo_header6(h - kIp6Bytes, FULCRUM_PROTO_UDP, bytes), h, bytes));
  store_checksum(h + 6, check ? check : 0xffff);
}

std::uint8_t traffic_class_of(const std::uint8_t* l3) noexcept {
  if (l3[0] >> 4 == 4) return l3[1];
  return static_cast<std::uint8_t>(l3[0] << 4 | l3[1] >> 4);
}

}  // namespace

std::uint32_t outer_bytes(Mode mode, bool outer_v6) noexcept {
  if (mode == Mode::kL3) return 0;
  return (outer_v6 ? kIp6Bytes : kIp4Bytes) + (mode == Mode::kGue ? kUdpBytes + kGueBytes : 0);
}

void encapsulate(Batch& b, unsigned i, std::uint32_t inner_bytes, const Settings& s, const Outer& outer) noexcept {
  const std::uint32_t link_bytes = b.l3_off[i], more = outer_bytes(s.mode, outer.to.v6);
  const std::uint8_t traffic_class = traffic_class_of(b.l3(i));
  const std::uint8_t inner_proto = b.l3(i)[0] >> 4 == 4 ? kProtoIp4 : kProtoIp6;
  b.resize(i, link_bytes + inner_bytes);
  b.push(i, more);
  std::memmove(b.data[i], b.data[i] + more, link_bytes);
  b.l3_off[i] = static_cast<std::uint16_t>(link_bytes);
  set_ethertype(b, i, outer.to.v6);
  const std::uint8_t proto = s.mode == Mode::kGue ? std::uint8_t{FULCRUM_PROTO_UDP} : inner_proto;
  std::uint8_t* h = b.l3(i);
  const std::uint32_t ip_bytes = outer.to.v6 ? kIp6Bytes : kIp4Bytes, all_bytes = more + inner_bytes;
  if (outer.to.v6)
    write_ip6(h, s, outer, traffic_class, proto, all_bytes - ip_bytes);
  else
    write_ip4(h, s, outer, traffic_class, proto, all_bytes);
  if (s.mode == Mode::kGue) write_gue(h + ip_bytes, s, outer, inner_proto, all_bytes - ip_bytes);
  reparse(b, i);
}

}  // namespace fulcrum::lb
