// SPDX-License-Identifier: MIT
// parse_test.cc - hash, bucket and offsets, as they stand in the metadata.
#include <linux/bpf.h>

#include <algorithm>
#include <array>

#include "front.h"
#include "fulcrum_parse.h"

namespace fulcrum::test {
namespace {

fulcrum_meta meta_of(Front& front, const Bytes& frame) { return front.run(frame).meta.value_or(fulcrum_meta{}); }

std::string show(const fulcrum_meta& m) {
  return "hash " + std::to_string(m.hash) + " l3 " + std::to_string(m.l3_off) + " l4 " + std::to_string(m.l4_off) +
         " payload " + std::to_string(m.payload_off) + " proto " + std::to_string(m.proto) + " flags " +
         std::to_string(m.flags);
}

void is(Tap& tap, const fulcrum_meta& m, const fulcrum_meta& want, const char* name) {
  tap.check(m.abi == FULCRUM_ABI && m.l3_off == want.l3_off && m.l4_off == want.l4_off &&
                m.payload_off == want.payload_off && m.proto == want.proto && m.flags == want.flags,
            name, show(m) + "; wanted " + show(want));
}

void test_offsets(Tap& tap, Front& front) {
  auto got = [&](unsigned type, const Bytes& rest) { return meta_of(front, ethernet(type, rest)); };
  const std::uint8_t v4 = FULCRUM_META_IP4, v6 = FULCRUM_META_IP6, vlan = FULCRUM_META_VLAN,
                     frag = FULCRUM_META_FRAGMENT;
  auto want = [](unsigned l3, unsigned l4, unsigned payload, unsigned proto, unsigned flags) {
    fulcrum_meta m{};
    m.l3_off = static_cast<__u16>(l3), m.l4_off = static_cast<__u16>(l4), m.payload_off = static_cast<__u16>(payload);
    m.proto = static_cast<__u8>(proto), m.flags = static_cast<__u8>(flags);
    return m;
  };
  is(tap, got(0x0800, ip4({}, udp(1, 2))), want(14, 34, 42, 17, v4), "IPv4 UDP");
  is(tap, got(0x0800, ip4({.proto = 6}, tcp(1, 2, 8))), want(14, 34, 66, 6, v4), "IPv4 TCP with options");
  is(tap, got(0x0800, ip4({.proto = 6}, tcp(1, 2, 3))), want(14, 34, 34, 6, v4),
     "TCP data offset too small: all is payload");
  is(tap, got(0x0800, ip4({.proto = 6, .total_bytes = 50}, tcp(1, 2, 15, 60))), want(14, 34, 34, 6, v4),
     "TCP data offset beyond the IP packet: all is payload");
  is(tap, got(0x0800, ip4({.options = filled(40, 1)}, udp(1, 2))), want(14, 74, 82, 17, v4),
     "IPv4 with 40 bytes of options");
  is(tap, got(0x0800, ip4({.proto = 50}, filled(30))), want(14, 34, 34, 50, v4), "IPv4 ESP");
  is(tap, got(0x0800, ip4({.proto = 1}, filled(30))), want(14, 34, 34, 1, v4), "ICMP");
  is(tap, got(0x0800, ip4({}, {0, 1, 0, 2})), want(14, 0, 0, 17, v4), "a cut UDP header");
  is(tap, got(0x0800, ip4({.fragment = 0x2000}, udp(1, 2))), want(14, 34, 42, 17, v4 | frag), "first fragment");
  is(tap, got(0x0800, ip4({.fragment = 185}, udp(1, 2))), want(14, 0, 0, 17, v4 | frag), "later fragment");
  is(tap, got(0x86dd, ip6({}, udp(1, 2))), want(14, 54, 62, 17, v6), "IPv6 UDP");
  is(tap, got(0x86dd, ip6({.next = 0}, extension(43, 1) + extension(60, 3) + extension(6, 2) + tcp(1, 2))),
     want(14, 102, 122, 6, v6), "IPv6 hop-by-hop, routing, destination options");
  is(tap, got(0x86dd, ip6({.next = 51}, Bytes{17, 4} + filled(22) + udp(1, 2))), want(14, 78, 86, 17, v6), "IPv6 AH");
  is(tap, got(0x86dd, ip6({.next = 44}, fragment6(17, 1) + udp(1, 2))), want(14, 62, 70, 17, v6 | frag),
     "IPv6 first fragment");
  is(tap, got(0x86dd, ip6({.next = 44}, fragment6(17, 0x100) + udp(1, 2))), want(14, 0, 0, 17, v6 | frag),
     "IPv6 later fragment");
  is(tap, got(0x86dd, ip6({.next = 44}, fragment6(17, 0) + udp(1, 2))), want(14, 62, 70, 17, v6),
     "IPv6 atomic fragment is whole");
  is(tap, got(0x8100, be16(5) + be16(0x0800) + ip4({}, udp(1, 2))), want(18, 38, 46, 17, v4 | vlan), "VLAN");
  is(tap, got(0x88a8, be16(5) + tag(0x8100, 6, 0x86dd) + ip6({}, udp(1, 2))), want(22, 62, 70, 17, v6 | vlan), "QinQ");
  expect(tap, front.run(ethernet(0x88a8, be16(5) + tag(0x8100, 6, 0x8100) + tag(0, 7, 0x800))), XDP_PASS, "pass_not_ip",
         "three tags pass");
}

void test_hash(Tap& tap, Front& front) {
  auto hash = [&](const Bytes& frame) { return meta_of(front, frame).hash; };
  const auto forth = hash(udp4(7777, 53)), back = hash(udp4(53, 7777, {.src = "10.9.0.7", .dst = "10.1.0.2"}));
  tap.check(forth == back && forth, "IPv4: both directions have one hash");
  tap.check(hash(udp6(7777, 53)) == hash(udp6(53, 7777, {.src = "fd09::7", .dst = "fd01::2"})),
            "IPv6: both directions have one hash");
  tap.check(forth == hash(ethernet(0x8100, be16(5) + be16(0x0800) + ip4({}, udp(7777, 53)))),
            "a tag does not change the hash");
  tap.check(forth != hash(udp4(7778, 53)), "the port does");
  tap.check(hash(udp4(7777, 53)) != hash(udp4(53, 7777)), "ports belong to their addresses");
  const auto dst = extension(17, 1);
  tap.check(hash(udp6(7, 8)) == hash(ethernet(0x86dd, ip6({.next = 60}, dst + udp(7, 8)))),
            "extension headers do not change the hash");
  const auto m0 = meta_of(front, ethernet(0x0800, ip4({.fragment = 0x2000}, udp(7777, 53))));
  const auto m1 = meta_of(front, ethernet(0x0800, ip4({.fragment = 0x2001}, filled(64, 3))));
  const auto m2 = meta_of(front, ethernet(0x0800, ip4({.fragment = 0x0009}, filled(9, 4))));
  tap.check(m0.hash && m0.hash == m1.hash && m1.hash == m2.hash && m0.bucket == m2.bucket,
            "IPv4 fragments share a bucket");
  const auto f0 = meta_of(front, ethernet(0x86dd, ip6({.next = 44}, fragment6(60, 1) + dst + udp(1, 2))));
  const auto f1 = meta_of(front, ethernet(0x86dd, ip6({.next = 44}, fragment6(60, 0x101) + filled(64, 3))));
  const auto f2 = meta_of(front, ethernet(0x86dd, ip6({.next = 44}, fragment6(60, 0x200) + filled(3, 4))));
  tap.check(f0.hash && f0.hash == f1.hash && f1.hash == f2.hash && f0.bucket == f2.bucket,
            "IPv6 fragments share a bucket, with extension headers inside");
  tap.check(m0.bucket == m0.hash % FULCRUM_BUCKETS, "the bucket is the hash's low byte");
}

// 65,536 flows that differ in few bits: both ends of the hash must look random.
// A bucket's count has mean 256 and deviation 16: 6 deviations never happen.
void spread(Tap& tap, const char* name, bool vary_port, bool v6) {
  std::array<unsigned, 256> low{}, high{};
  for (unsigned i = 0; i < 65536; ++i) {
    Bytes frame = v6 ? udp6() : udp4();
    const std::size_t src = v6 ? 36 : 28, port = v6 ? 54 : 34;
    put16(frame, vary_port ? port : src, i);
    fulcrum_parsed p;
    fulcrum_parse(frame.data(), frame.data() + frame.size(), &p);
    ++low[p.hash & 255];
    ++high[p.hash >> 24];
  }
  auto even = [](const auto& n) {
    return *std::min_element(n.begin(), n.end()) > 160 && *std::max_element(n.begin(), n.end()) < 352;
  };
  tap.check(even(low) && even(high), name);
}

}  // namespace

void test_parse(Tap& tap, Front& front) {
  front.reset();
  test_offsets(tap, front);
  test_hash(tap, front);
  spread(tap, "65,536 ports spread evenly over the buckets", true, false);
  spread(tap, "65,536 IPv4 addresses do", false, false);
  spread(tap, "65,536 IPv6 addresses do", false, true);
}

}  // namespace fulcrum::test
