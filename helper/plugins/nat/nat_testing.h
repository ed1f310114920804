// SPDX-License-Identifier: MIT
// nat_testing.h - for unit tests: IPv4 packets by hand, checked by hand, through a NAT44 between two ports.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "nat44.h"
#include "pipeline/testing.h"

extern "C" const fulcrum::PluginInfo fulcrum_plugin_nat;

namespace fulcrum::nat {

using testing::Bytes;
using testing::put16;

inline std::uint32_t addr(const char* text) {
  const Result<IpAddress> a = parse_address(text, Family::kIp4);
  std::uint32_t v = 0;
  std::memcpy(&v, a->bytes, 4);
  return __builtin_bswap32(v);
}
// "10.0.0.1:1000"
inline Endpoint at(const std::string& text) {
  const std::size_t colon = text.find(':');
  return {addr(text.substr(0, colon).c_str()), static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

inline void put32(Bytes& b, std::size_t where, std::uint32_t v) {
  put16(b, where, v >> 16), put16(b, where + 2, v & 0xffff);
}
inline unsigned get16(const Bytes& b, std::size_t where) { return b[where] << 8 | b[where + 1]; }
inline std::uint32_t get32(const Bytes& b, std::size_t where) {
  return std::uint32_t{get16(b, where)} << 16 | get16(b, where + 2);
}

constexpr unsigned kIcmpNumber = 1, kTcpNumber = 6, kUdpNumber = 17;
constexpr std::size_t kIp = 14, kL4 = 34;  // offsets where there are no options

// RFC 1071 over pseudo header and L4 of a datagram at `ip`; 0 if its checksum is right.
inline std::uint16_t l4_sum(const Bytes& b, std::size_t ip) {
  const std::size_t header = (b[ip] & 15u) * 4, total = get16(b, ip + 2), bytes = total - header;
  Bytes all;
  if (b[ip + 9] != kIcmpNumber) {
    all.assign(b.begin() + static_cast<long>(ip) + 12, b.begin() + static_cast<long>(ip) + 20);
    all.insert(all.end(), {0, b[ip + 9], static_cast<std::uint8_t>(bytes >> 8), static_cast<std::uint8_t>(bytes)});
  }
  all.insert(all.end(), b.begin() + static_cast<long>(ip + header), b.begin() + static_cast<long>(ip + total));
  if (all.size() % 2) all.push_back(0);
  return testing::checksum(all.data(), all.size());
}

inline std::size_t sum_at(unsigned proto) { return proto == kTcpNumber ? 16 : proto == kUdpNumber ? 6 : 2; }

// A frame around L4 bytes, whose checksum is set where it is whole.
inline Bytes datagram(unsigned proto, std::uint32_t src, std::uint32_t dst, const Bytes& l4, unsigned fragment = 0,
                      unsigned id = 7) {
  Bytes f(kL4);
  f[0] = f[6] = 2;
  put16(f, 12, 0x0800);
  f[kIp] = 0x45;
  put16(f, kIp + 2, static_cast<unsigned>(20 + l4.size()));
  put16(f, kIp + 4, id);
  put16(f, kIp + 6, fragment);
  f[kIp + 8] = 64;
  f[kIp + 9] = static_cast<std::uint8_t>(proto);
  put32(f, kIp + 12, src), put32(f, kIp + 16, dst);
  testing::fix_checksum(f);
  f.insert(f.end(), l4.begin(), l4.end());
  if (!fragment && l4.size() > sum_at(proto) + 1) {
    put16(f, kL4 + sum_at(proto), 0);
    const std::uint16_t sum = l4_sum(f, kIp);
    put16(f, kL4 + sum_at(proto), proto == kUdpNumber && !sum ? 0xffff : sum);
  }
  return f;
}

inline Bytes udp(Endpoint src, Endpoint dst, std::size_t payload = 5) {
  Bytes l4(8 + payload, 0x5a);
  put16(l4, 0, src.port), put16(l4, 2, dst.port), put16(l4, 4, static_cast<unsigned>(l4.size())), put16(l4, 6, 0);
  return datagram(kUdpNumber, src.addr, dst.addr, l4);
}
inline Bytes tcp(Endpoint src, Endpoint dst, std::uint8_t flags, std::size_t payload = 0) {
  Bytes l4(20 + payload, 0x33);
  put16(l4, 0, src.port), put16(l4, 2, dst.port);
  l4[12] = 0x50, l4[13] = flags;
  return datagram(kTcpNumber, src.addr, dst.addr, l4);
}
// Type 8 or 0, with an identifier.
inline Bytes echo(std::uint32_t src, std::uint32_t dst, unsigned type, unsigned id) {
  Bytes l4(16, 0x11);
  l4[0] = static_cast<std::uint8_t>(type), l4[1] = 0;
  put16(l4, 4, id);
  return datagram(kIcmpNumber, src, dst, l4);
}
// An ICMP error about `frame`, of which it holds so many bytes of L4.
inline Bytes icmp_error(std::uint32_t src, std::uint32_t dst, const Bytes& frame, std::size_t l4_bytes = 8,
                        unsigned type = 3) {
  Bytes l4(8);
  l4[0] = static_cast<std::uint8_t>(type), l4[1] = 1;
  l4.insert(l4.end(), frame.begin() + kIp, frame.begin() + static_cast<long>(std::min(frame.size(), kL4 + l4_bytes)));
  return datagram(kIcmpNumber, src, dst, l4);
}

inline Endpoint source(const Bytes& f) {
  return {get32(f, kIp + 12),
          static_cast<std::uint16_t>(f[kIp + 9] == kIcmpNumber ? get16(f, kL4 + 4) : get16(f, kL4))};
}
inline Endpoint destination(const Bytes& f) {
  return {get32(f, kIp + 16), static_cast<std::uint16_t>(get16(f, kL4 + (f[kIp + 9] == kIcmpNumber ? 4 : 2)))};
}
inline std::string text(Endpoint e) { return endpoint_text(e); }

// Both checksums are right.
inline bool is_sound(const Bytes& f) {
  if (testing::checksum(&f[kIp], (f[kIp] & 15u) * 4)) return false;
  if (get16(f, kIp + 6) & 0x3fff) return true;
  if (f[kIp + 9] == kUdpNumber && get16(f, kL4 + 6) == 0) return true;
  return l4_sum(f, kIp) == 0;
}

// inside: port x, outside: port y.
struct Lab {
  explicit Lab(const std::string& args, Lab* before = nullptr)
      : p(std::make_unique<testing::TestPipeline>("FromPort(x) -> ToPort(y);")),
        now_ns(before ? before->now_ns : kStart_ns) {
    if (before) p->setup.inherit(before->p->setup);
    static_cast<void>(static_cast<bool>(p->registry.add(fulcrum_plugin_nat)));
    const fulcrum::Config config = parse_config(
        "test.click",
        "FromPort(x) -> nat :: NAT44(" + args + ") -> ToPort(y); FromPort(y) -> [1]nat; nat[1] -> ToPort(x);", p->diag);
    if (p->diag.ok()) p->graph = Graph::build(config, p->registry, p->setup, p->diag);
    if (!p->graph) throw std::runtime_error("NAT44(" + args + "): " + p->diag.text());
  }
  static constexpr std::uint64_t kStart_ns = 1700000000000000000;

  // The packet as it left; empty: it was dropped, and `why` says for what reason.
  Bytes send(const Bytes& frame, bool from_inside) {
    testing::TestBatch b({frame}, from_inside ? 0 : 1);
    b.batch.now_ns = now_ns;
    EXPECT_TRUE(p->run(b.batch));
    why.clear();
    if (b.batch.verdict[0] == Verdict::kTx) {
      to_inside = b.batch.out_port[0] == 0;
      const Bytes out = b.frame(0);
      EXPECT_TRUE(is_sound(out));
      fulcrum_parsed parsed;
      fulcrum_parse(out.data(), out.data() + out.size(), &parsed);
      EXPECT_EQ(parsed.hash, b.batch.hash[0]);
      return out;
    }
    EXPECT_EQ(b.frame(0), frame) << "a refused packet stays as it is";
    why = p->reason(b.batch, 0);
    return {};
  }
  Bytes out(const Bytes& frame) { return send(frame, true); }
  Bytes in(const Bytes& frame) { return send(frame, false); }
  void wait(std::uint64_t seconds) { now_ns += seconds * 1000000000; }
  Nat44& element() { return static_cast<Nat44&>(*p->graph->element("nat")); }

  std::unique_ptr<testing::TestPipeline> p;
  std::uint64_t now_ns;
  bool to_inside = false;
  std::string why;
};

}  // namespace fulcrum::nat
