// SPDX-License-Identifier: MIT
// packet.cc - what of a packet matters to the translator, and its headers changed.
#include "packet.h"

#include "fulcrum/checksum.h"
#include "fulcrum/range.h"

namespace fulcrum::nat {
namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint32_t kMinHeaderBytes = 20, kIcmpBytes = 8;
// Checksum within the L4 header.
constexpr std::uint32_t kTcpSum = 16, kUdpSum = 6, kIcmpSum = 2;
// The identifier of an ICMP query.
constexpr std::uint32_t kIcmpId = 4;

enum IcmpType : std::uint8_t {
  kEchoReply = 0,
  kUnreachable = 3,
  kEcho = 8,
  kTimeExceeded = 11,
  kParameterProblem = 12,
  kTimestamp = 13,
  kTimestampReply = 14,
};

bool is_query(std::uint8_t type) noexcept {
  return type == kEchoReply || type == kEcho || type == kTimestamp || type == kTimestampReply;
}
bool is_error(std::uint8_t type) noexcept {
  return type == kUnreachable || type == kTimeExceeded || type == kParameterProblem;
}

void store_be16(std::uint8_t* p, std::uint16_t v) noexcept {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}

// Ports or identifier of the L4 header at p.l4, which has at least 8 bytes.
void read_ports(Packet& p) noexcept {
  if (p.proto == Proto::kIcmp) {
    p.src.port = p.dst.port = fulcrum_load_be16(p.l4 + kIcmpId);
    p.is_reply = p.l4[0] == kEchoReply || p.l4[0] == kTimestampReply;
    return;
  }
  p.src.port = fulcrum_load_be16(p.l4);
  p.dst.port = fulcrum_load_be16(p.l4 + 2);
}

bool translated_proto(std::uint8_t number, Proto& proto) noexcept {
  switch (number) {
    case FULCRUM_PROTO_UDP:
      proto = Proto::kUdp;
      return true;
    case FULCRUM_PROTO_TCP:
      proto = Proto::kTcp;
      return true;
    case kIcmp:
      proto = Proto::kIcmp;
      return true;
    default:
      return false;
  }
}

// Writes and returns what sums over the place change by.
std::uint16_t put_address(std::uint8_t* at, std::uint32_t addr) noexcept {
  const std::uint32_t word = __builtin_bswap32(addr);
  const std::uint16_t delta = checksum_delta(at, &word, 4);
  std::memcpy(at, &word, 4);
  return delta;
}
std::uint16_t put_port(std::uint8_t* at, std::uint16_t port) noexcept {
  std::uint8_t word[2];
  store_be16(word, port);
  const std::uint16_t delta = checksum_delta(at, word, 2);
  std::memcpy(at, word, 2);
  return delta;
}

std::uint16_t put_addresses(std::uint8_t* ip, std::uint32_t src, std::uint32_t dst) noexcept {
  const std::uint16_t delta = checksum_delta(put_address(ip + 12, src), put_address(ip + 16, dst));
  checksum_update(ip + 10, delta);
  return delta;
}

// Ports and L4 checksum; `addresses`: the change of the pseudo header. The checksum may be
// cut off in an embedded datagram. Returns what sums over the L4 bytes present change by.
std::uint16_t put_ports(const Packet& p, Endpoint src, Endpoint dst, std::uint16_t addresses) noexcept {
  std::uint16_t delta = 0;
  std::uint32_t at = kIcmpSum;
  if (p.proto == Proto::kIcmp) {
    delta = put_port(p.l4 + kIcmpId, src.port);  // the caller sets both ports alike
    addresses = 0;                               // ICMP has no pseudo header
  } else {
    delta = checksum_delta(put_port(p.l4, src.port), put_port(p.l4 + 2, dst.port));
    at = p.proto == Proto::kTcp ? kTcpSum : kUdpSum;
  }
  std::uint8_t* field = p.l4 + at;
  if (p.end - p.l4 < static_cast<std::ptrdiff_t>(at + 2)) return delta;
  const std::uint16_t old = load_checksum(field);
  if (p.proto == Proto::kUdp)
    checksum_update_udp(field, checksum_delta(delta, addresses));
  else
    checksum_update(field, checksum_delta(delta, addresses));
  const std::uint16_t now = load_checksum(field);
  return checksum_delta(delta, checksum_delta(&old, &now, 2));
}

}  // namespace

Packet read_packet(Batch& b, unsigned i) noexcept {
  Packet p;
  const std::uint32_t l3 = b.l3_off[i];
  if (!(b.flags[i] & FULCRUM_META_IP4) || l3 + kMinHeaderBytes > b.len[i]) return p;
  p.ip = b.l3(i);
  p.end = b.data[i] + datagram_end(b, i);
  p.src.addr = load_address(p.ip + 12);
  p.dst.addr = load_address(p.ip + 16);
  const std::uint32_t header = (p.ip[0] & 15u) * 4;
  if (header < kMinHeaderBytes || p.end - p.ip < static_cast<std::ptrdiff_t>(header)) return p;
  const std::uint16_t fragment = fulcrum_load_be16(p.ip + 6);
  p.is_first_fragment = (fragment & 0x3fff) == 0x2000;
  if (!translated_proto(p.ip[9], p.proto)) {
    p.kind = Packet::Kind::kUnknown;
    return p;
  }
  if (fragment & 0x1fff) {
    p.kind = Packet::Kind::kTail;
    return p;
  }
  p.l4 = p.ip + header;
  if (p.end - p.l4 < (p.proto == Proto::kTcp ? 20 : 8)) return p;
  if (p.proto == Proto::kIcmp && !is_query(p.l4[0])) {
    p.kind = is_error(p.l4[0]) ? Packet::Kind::kError : Packet::Kind::kUnknown;
    return p;
  }
  if (p.proto == Proto::kTcp) p.tcp_flags = p.l4[13];
  read_ports(p);
  p.kind = Packet::Kind::kFlow;
  return p;
}

bool read_embedded(const Packet& error, Packet& e) noexcept {
  const auto present = static_cast<std::uint32_t>(error.end - error.l4);
  if (error.is_first_fragment || checksum_fold(checksum_add(0, error.l4, present)) != 0xffff) return false;
  e = {};
  e.ip = error.l4 + kIcmpBytes;
  e.end = error.end;
  if (e.end - e.ip < static_cast<std::ptrdiff_t>(kMinHeaderBytes) || e.ip[0] >> 4 != 4) return false;
  const std::uint32_t header = (e.ip[0] & 15u) * 4;
  if (header < kMinHeaderBytes || e.end - e.ip < static_cast<std::ptrdiff_t>(header + 8)) return false;
  if (checksum_fold(checksum_add(0, e.ip, header)) != 0xffff) return false;
  const std::uint32_t total = fulcrum_load_be16(e.ip + 2);  // what follows it are extensions, RFC 4884
  if (total >= header + 8 && e.end - e.ip > static_cast<std::ptrdiff_t>(total)) e.end = e.ip + total;
  if (!translated_proto(e.ip[9], e.proto) || (fulcrum_load_be16(e.ip + 6) & 0x1fff)) return false;
  e.l4 = e.ip + header;
  if (e.proto == Proto::kIcmp && !is_query(e.l4[0])) return false;
  e.src.addr = load_address(e.ip + 12);
  e.dst.addr = load_address(e.ip + 16);
  read_ports(e);
  e.kind = Packet::Kind::kFlow;
  return true;
}

void rewrite(const Packet& p, Endpoint src, Endpoint dst) noexcept {
  put_ports(p, src, dst, put_addresses(p.ip, src.addr, dst.addr));
}

void rewrite_addresses(const Packet& p, std::uint32_t src, std::uint32_t dst) noexcept {
  put_addresses(p.ip, src, dst);
}

void rewrite_embedded(const Packet& error, const Packet& e, Endpoint src, Endpoint dst) noexcept {
  const std::uint16_t before = load_checksum(e.ip + 10);
  const std::uint16_t addresses = put_addresses(e.ip, src.addr, dst.addr);
  const std::uint16_t after = load_checksum(e.ip + 10);
  const std::uint16_t header = checksum_delta(addresses, checksum_delta(&before, &after, 2));
  checksum_update(error.l4 + kIcmpSum, checksum_delta(header, put_ports(e, src, dst, addresses)));
}

void rehash(Batch& b, unsigned i, const Packet& p) noexcept {
  const bool whole = p.kind == Packet::Kind::kFlow && !p.is_first_fragment;
  const bool ports = whole && p.proto != Proto::kIcmp;
  b.hash[i] = fulcrum_hash_ends(fulcrum_end4(p.ip + 12, ports ? fulcrum_load_be16(p.l4) : 0u),
                                fulcrum_end4(p.ip + 16, ports ? fulcrum_load_be16(p.l4 + 2) : 0u),
                                b.flags[i] & FULCRUM_META_FRAGMENT ? 0 : b.proto[i]);
}

}  // namespace fulcrum::nat
