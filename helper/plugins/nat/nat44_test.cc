// SPDX-License-Identifier: MIT
// nat44_test.cc - NAT44 does what the RFCs ask of it, one requirement a test.
#include "nat_testing.h"

namespace fulcrum::nat {
namespace {

const Endpoint kHost = at("10.0.0.1:5000"), kOther = at("10.0.0.2:6000");
const Endpoint kRemote = at("198.51.100.7:53"), kStranger = at("198.51.100.9:53");
const std::string kOne = "EXTERNAL 203.0.113.1";
const std::uint32_t kExternal = addr("203.0.113.1");

TEST(Nat44, UdpGoesOutAndBack) {
  Lab lab(kOne);
  const Bytes out = lab.out(udp(kHost, kRemote));
  ASSERT_FALSE(out.empty());
  EXPECT_FALSE(lab.to_inside);
  EXPECT_EQ(text(source(out)), "203.0.113.1:5000") << "the port is kept where it is free";
  EXPECT_EQ(destination(out), kRemote);
  const Bytes back = lab.in(udp(kRemote, source(out)));
  ASSERT_FALSE(back.empty());
  EXPECT_TRUE(lab.to_inside);
  EXPECT_EQ(destination(back), kHost);
  EXPECT_EQ(source(back), kRemote);
}

TEST(Nat44, MappingIsEndpointIndependent) {
  Lab lab(kOne);
  const Endpoint seen = source(lab.out(udp(kHost, kRemote)));
  EXPECT_EQ(source(lab.out(udp(kHost, kStranger))), seen);
  EXPECT_EQ(source(lab.out(udp(kHost, at("198.51.100.7:99")))), seen);
  EXPECT_EQ(lab.p->counter("nat", "mappings"), 1u);
}

TEST(Nat44, TakenPortGivesWayToOneOfItsParity) {
  Lab lab(kOne);
  for (std::uint16_t port : {std::uint16_t{5000}, std::uint16_t{5001}}) {
    source(lab.out(udp({kHost.addr, port}, kRemote)));
    const Endpoint second = source(lab.out(udp({kOther.addr, port}, kRemote)));
    EXPECT_NE(second.port, port);
    EXPECT_EQ(second.port % 2, port % 2);
    EXPECT_GE(second.port, 1024);
  }
}

TEST(Nat44, UdpWithoutChecksumHasNoneAfterwards) {
  Lab lab(kOne);
  Bytes f = udp(kHost, kRemote);
  put16(f, kL4 + 6, 0);
  const Bytes out = lab.out(f);
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(get16(out, kL4 + 6), 0u);
}

TEST(Nat44, FilteringKeepsOutWhomItShall) {
  const struct {
    const char* filtering;
    bool same_address, stranger;
  } rows[] = {{"endpoint-independent", true, true},
              {"address-dependent", true, false},
              {"address-and-port-dependent", false, false}};
  for (const auto& row : rows) {
    for (bool is_tcp : {false, true}) {
      Lab lab(kOne + ", FILTERING " + row.filtering);
      const auto packet = [&](Endpoint from, Endpoint to) { return is_tcp ? tcp(from, to, kSyn) : udp(from, to); };
      const Endpoint seen = source(lab.out(packet(kHost, kRemote)));
      EXPECT_FALSE(lab.in(packet(kRemote, seen)).empty());
      EXPECT_EQ(!lab.in(packet({kRemote.addr, 99}, seen)).empty(), row.same_address)
          << row.filtering << is_tcp << lab.why;
      EXPECT_EQ(!lab.in(packet(kStranger, seen)).empty(), row.stranger) << row.filtering << is_tcp << lab.why;
      EXPECT_TRUE(row.stranger || lab.why == "nat_filtered");
      EXPECT_TRUE(lab.in(packet(kRemote, {seen.addr, 7777})).empty());
      EXPECT_EQ(lab.why, "nat_no_mapping");
    }
  }
  Lab usual(kOne);
  const Endpoint seen = source(usual.out(udp(kHost, kRemote)));
  EXPECT_FALSE(usual.in(udp({kRemote.addr, 99}, seen)).empty()) << "address-dependent is the default";
  EXPECT_TRUE(usual.in(udp(kStranger, seen)).empty());
}

TEST(Nat44, UnaskedSegmentsOpenNothing) {
  Lab lab(kOne + ", FILTERING endpoint-independent");
  const Endpoint seen = source(lab.out(tcp(kHost, kRemote, kSyn)));
  EXPECT_TRUE(lab.in(tcp(kStranger, seen, kAck)).empty()) << "only a SYN opens from outside";
  EXPECT_EQ(lab.why, "nat_filtered");
  EXPECT_TRUE(lab.out(tcp(kOther, kRemote, kRst)).empty()) << "a reset opens nothing";
  EXPECT_EQ(lab.why, "nat_no_mapping");
  EXPECT_FALSE(lab.out(tcp(kOther, kRemote, kAck)).empty()) << "a connection from before is picked up";
}

TEST(Nat44, HairpinTranslatesBothEnds) {
  Lab lab(kOne + ", FILTERING endpoint-independent");
  const Endpoint b = source(lab.out(udp(kOther, kRemote)));
  const Bytes over = lab.out(udp(kHost, b));
  ASSERT_FALSE(over.empty()) << lab.why;
  EXPECT_TRUE(lab.to_inside);
  EXPECT_EQ(text(source(over)), "203.0.113.1:5000") << "the external endpoint: RFC 4787 REQ-9";
  EXPECT_EQ(destination(over), kOther);
  const Bytes back = lab.out(udp(kOther, source(over)));
  ASSERT_FALSE(back.empty());
  EXPECT_TRUE(lab.to_inside);
  EXPECT_EQ(source(back), b);
  EXPECT_EQ(destination(back), kHost);
  EXPECT_EQ(lab.p->counter("nat", "hairpinned"), 2u);
  // Its error goes the same way back: RFC 5508 REQ-7.
  const Bytes error = lab.out(icmp_error(kOther.addr, kExternal, over, 13));
  ASSERT_FALSE(error.empty()) << lab.why;
  EXPECT_TRUE(lab.to_inside);
  EXPECT_EQ(address_text(get32(error, kIp + 16)), "10.0.0.1");
  EXPECT_EQ(address_text(get32(error, kIp + 12)), "203.0.113.1");
  EXPECT_EQ(get32(error, kL4 + 8 + 12), kHost.addr);
  EXPECT_EQ(get32(error, kL4 + 8 + 16), b.addr);
  EXPECT_EQ(get16(error, kL4 + 28), kHost.port);
  EXPECT_EQ(get16(error, kL4 + 30), b.port);
}

TEST(Nat44, AHostIsAlwaysSeenByOneAddress) {
  Lab lab("EXTERNAL 203.0.113.0/29, EXTERNAL 198.51.100.200-198.51.100.203");
  std::set<std::uint32_t> used;
  for (std::uint32_t host = 1; host < 100; ++host) {
    std::set<std::uint32_t> of_host;
    for (std::uint16_t port = 2000; port < 2010; ++port)
      of_host.insert(source(lab.out(udp({addr("10.0.0.0") + host, port}, kRemote))).addr);
    EXPECT_EQ(of_host.size(), 1u);
    used.insert(of_host.begin(), of_host.end());
  }
  EXPECT_EQ(used.size(), 12u);
}

TEST(Nat44, ForwardsAreOpenToAllAndStay) {
  Lab lab("FORWARD tcp 203.0.113.1:80 10.0.0.9:8080, FORWARD udp 203.0.113.2:5000-5003 10.0.0.9:6000-6003");
  for (int round = 0; round < 2; ++round, lab.wait(1000000)) {
    const Bytes in = lab.in(tcp(kStranger, at("203.0.113.1:80"), kSyn));
    ASSERT_FALSE(in.empty());
    EXPECT_EQ(text(destination(in)), "10.0.0.9:8080");
    const Bytes out = lab.out(tcp(at("10.0.0.9:8080"), kStranger, kSyn | kAck));
    EXPECT_EQ(text(source(out)), "203.0.113.1:80");
    EXPECT_EQ(text(destination(lab.in(udp(kRemote, at("203.0.113.2:5002"))))), "10.0.0.9:6002");
  }
  EXPECT_TRUE(lab.in(udp(kRemote, at("203.0.113.2:5004"))).empty());
  EXPECT_TRUE(lab.out(udp(kHost, kRemote)).empty()) << "no EXTERNAL, no pool";
  EXPECT_EQ(lab.why, "nat_no_mapping");
}

TEST(Nat44, EchoByIdentifier) {
  Lab lab(kOne);
  const Bytes one = lab.out(echo(kHost.addr, kRemote.addr, 8, 77));
  const Bytes two = lab.out(echo(kOther.addr, kRemote.addr, 8, 77));
  ASSERT_FALSE(one.empty() || two.empty());
  EXPECT_EQ(source(one).port, 77);
  EXPECT_NE(source(two).port, 77);
  const Bytes back = lab.in(echo(kRemote.addr, kExternal, 0, source(two).port));
  ASSERT_FALSE(back.empty());
  EXPECT_EQ(get32(back, kIp + 16), kOther.addr);
  EXPECT_EQ(destination(back).port, 77);
  EXPECT_TRUE(lab.in(echo(kRemote.addr, kExternal, 8, 77)).empty()) << "nobody inside is asked";
  EXPECT_EQ(lab.why, "nat_no_mapping");
}

TEST(Nat44, ErrorsFromOutsideFindTheSender) {
  for (std::size_t l4_bytes : {std::size_t{8}, std::size_t{20}, std::size_t{100}}) {
    Lab lab(kOne);
    const Bytes first = lab.out(udp(kHost, kRemote));
    const Bytes packets[] = {lab.out(udp(kOther, kRemote)), lab.out(tcp(kOther, kRemote, kSyn, 30)),
                             lab.out(echo(kOther.addr, kRemote.addr, 8, 9))};
    for (const Bytes& sent : packets) {
      const Bytes error = lab.in(icmp_error(kStranger.addr, kExternal, sent, l4_bytes, 11));
      ASSERT_FALSE(error.empty()) << lab.why;
      EXPECT_EQ(get32(error, kIp + 16), kOther.addr);
      EXPECT_EQ(get32(error, kL4 + 8 + 12), kOther.addr);
      EXPECT_EQ(testing::checksum(&error[kL4 + 8], 20), 0) << "the embedded header's";
      EXPECT_EQ(get16(error, kL4 + (sent[kIp + 9] == kIcmpNumber ? 32 : 28)),
                sent[kIp + 9] == kIcmpNumber ? 9 : kOther.port);
      EXPECT_TRUE(l4_bytes < 100 || l4_sum(error, kL4 + 8) == 0) << "the embedded L4's";
    }
  }
}

TEST(Nat44, ErrorsFromInsideNameOutsideEnds) {
  Lab lab(kOne);
  const Bytes out = lab.out(udp(kHost, kRemote));
  const Bytes in = lab.in(udp(kRemote, source(out)));
  const Bytes error = lab.out(icmp_error(kHost.addr, kRemote.addr, in, 13));
  ASSERT_FALSE(error.empty()) << lab.why;
  EXPECT_FALSE(lab.to_inside);
  EXPECT_EQ(get32(error, kIp + 12), kExternal);
  EXPECT_EQ(get32(error, kL4 + 8 + 16), kExternal);
  EXPECT_EQ(get16(error, kL4 + 30), source(out).port);
  EXPECT_EQ(l4_sum(error, kL4 + 8), 0);
}

TEST(Nat44, BadErrorsAreRefused) {
  Lab lab(kOne);
  const Bytes sent = lab.out(udp(kHost, kRemote));
  Bytes spoilt = icmp_error(kRemote.addr, kExternal, sent);
  spoilt[kL4 + 2] ^= 1;
  EXPECT_TRUE(lab.in(spoilt).empty());
  EXPECT_EQ(lab.why, "nat_bad_icmp");
  Bytes inner = sent;
  inner[kIp + 10] ^= 1;
  EXPECT_TRUE(lab.in(icmp_error(kRemote.addr, kExternal, inner)).empty());
  EXPECT_EQ(lab.why, "nat_bad_icmp");
  EXPECT_TRUE(lab.in(icmp_error(kRemote.addr, kExternal, sent, 7)).empty());
  EXPECT_EQ(lab.why, "nat_bad_icmp");
  EXPECT_TRUE(lab.in(icmp_error(kRemote.addr, kExternal, udp(source(sent), kStranger))).empty());
  EXPECT_EQ(lab.why, "nat_filtered") << "about what never was sent";
  EXPECT_TRUE(lab.in(icmp_error(kRemote.addr, kExternal, udp({kExternal, 4444}, kRemote))).empty());
  EXPECT_EQ(lab.why, "nat_no_mapping");
}

TEST(Nat44, FragmentsFollowTheFirst) {
  Lab lab(kOne);
  Bytes whole = udp(kHost, kRemote, 40);
  const Bytes l4(whole.begin() + kL4, whole.end());
  const Bytes first = datagram(kUdpNumber, kHost.addr, kRemote.addr, {l4.begin(), l4.begin() + 24}, 0x2000, 99);
  const Bytes tail = datagram(kUdpNumber, kHost.addr, kRemote.addr, {l4.begin() + 24, l4.end()}, 3, 99);
  EXPECT_TRUE(lab.out(tail).empty());
  EXPECT_EQ(lab.why, "nat_fragment_early");
  const Bytes a = lab.out(first), b = lab.out(tail);
  ASSERT_FALSE(a.empty() || b.empty());
  Bytes joined = datagram(kUdpNumber, get32(b, kIp + 12), get32(b, kIp + 16), {}, 0);
  joined.insert(joined.end(), a.begin() + kL4, a.end());
  joined.insert(joined.end(), b.begin() + kL4, b.end());
  put16(joined, kIp + 2, static_cast<unsigned>(joined.size() - kIp));
  EXPECT_EQ(l4_sum(joined, kIp), 0) << "what is put together again is right";
  EXPECT_EQ(text(source(joined)), "203.0.113.1:5000");
  lab.wait(31);
  EXPECT_TRUE(lab.out(tail).empty());
  EXPECT_EQ(lab.why, "nat_fragment_early");
}

TEST(Nat44, UdpEndsFiveMinutesAfterTheInsideSpokeLast) {
  Lab lab(kOne);
  const Endpoint seen = source(lab.out(udp(kHost, kRemote)));
  lab.wait(299);
  EXPECT_FALSE(lab.in(udp(kRemote, seen)).empty());
  lab.wait(2);
  EXPECT_TRUE(lab.in(udp(kRemote, seen)).empty()) << "what comes in keeps nothing alive";
  Lab both(kOne + ", REFRESH both");
  both.out(udp(kHost, kRemote));
  both.wait(299);
  both.in(udp(kRemote, seen));
  both.wait(299);
  EXPECT_FALSE(both.in(udp(kRemote, seen)).empty());
}

TEST(Nat44, TcpTimeoutsFollowTheConnection) {
  Lab lab(kOne);
  const Endpoint seen = source(lab.out(tcp(kHost, kRemote, kSyn)));
  lab.wait(241);
  EXPECT_TRUE(lab.in(tcp(kRemote, seen, kSyn | kAck)).empty()) << "opening is transitory";
  const auto open = [&] {
    lab.out(tcp(kHost, kRemote, kSyn));
    EXPECT_FALSE(lab.in(tcp(kRemote, seen, kSyn | kAck)).empty());
    EXPECT_FALSE(lab.out(tcp(kHost, kRemote, kAck)).empty());
  };
  open();
  lab.wait(7439);
  EXPECT_FALSE(lab.in(tcp(kRemote, seen, kAck)).empty()) << "established";
  EXPECT_FALSE(lab.in(tcp(kRemote, seen, kFin | kAck)).empty());
  lab.wait(7439);
  EXPECT_FALSE(lab.out(tcp(kHost, kRemote, kAck)).empty()) << "half closed is established";
  lab.out(tcp(kHost, kRemote, kFin | kAck));
  lab.wait(239);
  EXPECT_FALSE(lab.in(tcp(kRemote, seen, kAck)).empty()) << "closing";
  lab.wait(241);
  EXPECT_TRUE(lab.in(tcp(kRemote, seen, kAck)).empty());
  open();
  lab.in(tcp(kRemote, seen, kRst));
  open();
  lab.wait(7000);
  EXPECT_FALSE(lab.in(tcp(kRemote, seen, kAck)).empty()) << "the next connection of the same ends";
  lab.in(tcp(kRemote, seen, kRst));
  lab.wait(241);
  EXPECT_TRUE(lab.in(tcp(kRemote, seen, kAck)).empty()) << "reset";
}

TEST(Nat44, FullPoolAndFullTableAreNamed) {
  Lab lab(kOne + ", PORTS 2000-2009");
  for (std::uint16_t port = 1; port <= 10; ++port) EXPECT_FALSE(lab.out(udp({kHost.addr, port}, kRemote)).empty());
  EXPECT_TRUE(lab.out(udp({kHost.addr, 11}, kRemote)).empty());
  EXPECT_EQ(lab.why, "nat_no_port");
  EXPECT_FALSE(lab.out(tcp({kHost.addr, 11}, kRemote, kSyn)).empty()) << "TCP has its own ports";
  lab.wait(301);
  EXPECT_FALSE(lab.out(udp({kHost.addr, 11}, kRemote)).empty()) << "over, and found so when needed";
  Lab small(kOne + ", ENTRIES 16");
  for (std::uint16_t port = 1; port <= 16; ++port) EXPECT_FALSE(small.out(udp({kHost.addr, port}, kRemote)).empty());
  EXPECT_TRUE(small.out(udp({kHost.addr, 17}, kRemote)).empty());
  EXPECT_EQ(small.why, "nat_table_full");
  Lab few(kOne + ", SESSIONS 16");
  for (std::uint32_t i = 0; i < 16; ++i) EXPECT_FALSE(few.out(udp(kHost, {kRemote.addr + i, 53})).empty());
  EXPECT_TRUE(few.out(udp(kHost, {kRemote.addr + 16, 53})).empty());
  EXPECT_EQ(few.why, "nat_table_full");
}

TEST(Nat44, WhatIsNotTranslated) {
  Lab lab(kOne);
  EXPECT_TRUE(lab.out(datagram(47, kHost.addr, kRemote.addr, Bytes(20))).empty());
  EXPECT_EQ(lab.why, "nat_protocol");
  EXPECT_TRUE(lab.out(testing::udp6()).empty());
  EXPECT_EQ(lab.why, "nat_malformed");
  EXPECT_TRUE(lab.out(datagram(kUdpNumber, kHost.addr, kRemote.addr, Bytes(7))).empty());
  EXPECT_EQ(lab.why, "nat_malformed");
  EXPECT_TRUE(lab.in(udp(kRemote, kHost)).empty());
  EXPECT_EQ(lab.why, "nat_not_external");
  EXPECT_TRUE(lab.out(udp({kExternal, 1}, kRemote)).empty());
  EXPECT_EQ(lab.why, "nat_own_source");
}

}  // namespace
}  // namespace fulcrum::nat
