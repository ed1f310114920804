// SPDX-License-Identifier: MIT
// icmp_error_test.cc - ICMPError: the error's bytes, whom it is never sent, at what rate.
#include "pipeline/elements/packet/icmp_error.h"

#include <gtest/gtest.h>

#include <functional>

#include "pipeline/elements/packet/test_frames.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

std::string config(const std::string& args, const std::string& behind = "ToPort") {
  return "FromPort(x) -> e :: ICMPError(" + args + ", ADDRESS 192.0.2.1 2001:db8:f::1) -> " + behind + ";";
}

// What the checks of other elements say of every error.
const std::string kSound = "CheckIPHeader -> CheckL4Checksum -> ToPort";
const std::string kSound6 = "CheckIP6Header -> CheckL4Checksum -> ToPort";

Bytes part(const Bytes& f, std::size_t from, std::size_t bytes) {
  return {f.begin() + static_cast<std::ptrdiff_t>(from), f.begin() + static_cast<std::ptrdiff_t>(from + bytes)};
}

TEST(ICMPError, SaysWhatItWasAskedToSay) {
  struct Case {
    const char* args;
    unsigned type4, code4, type6, code6, word4, word6;
  };
  const Case cases[] = {{"TYPE ttl_exceeded", 11, 0, 3, 0, 0, 0},
                        {"TYPE unreachable, CODE net", 3, 0, 1, 0, 0, 0},
                        {"TYPE unreachable, CODE host", 3, 1, 1, 3, 0, 0},
                        {"TYPE unreachable, CODE port", 3, 3, 1, 4, 0, 0},
                        {"TYPE unreachable, CODE admin", 3, 13, 1, 1, 0, 0},
                        {"TYPE fragmentation_needed, MTU 576", 3, 4, 2, 0, 576, 1280},
                        {"packet_too_big, MTU 9000", 3, 4, 2, 0, 9000, 9000}};
  for (const Case& c : cases) {
    TestPipeline four(config(c.args, kSound)), six(config(c.args, kSound6));
    ASSERT_TRUE(four.graph) << four.diag.text();
    const Bytes f4 = testing::udp4(30), f6 = testing::udp6(30);
    TestBatch b4({f4}, 0), b6({f6}, 0);
    ASSERT_TRUE(four.run(b4.batch) && six.run(b6.batch));
    ASSERT_EQ(b4.batch.verdict[0], Verdict::kTx) << four.reason(b4.batch, 0);
    ASSERT_EQ(b6.batch.verdict[0], Verdict::kTx) << six.reason(b6.batch, 0);
    EXPECT_EQ(b4.batch.out_port[0], 0);
    const Bytes e4 = b4.leaving(0), e6 = b6.leaving(0);
    EXPECT_EQ(part(e4, 0, 12), (Bytes{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1})) << "back to whom it came from";
    EXPECT_EQ(part(e4, 26, 8), (Bytes{192, 0, 2, 1, 10, 0, 0, 1}));
    EXPECT_EQ(part(e4, 34, 2), (Bytes{static_cast<std::uint8_t>(c.type4), static_cast<std::uint8_t>(c.code4)}));
    EXPECT_EQ(e4[40] << 8 | e4[41], static_cast<int>(c.word4));
    EXPECT_EQ(part(e4, 42, e4.size() - 42), part(f4, 14, f4.size() - 14)) << "all of a small datagram is quoted";
    EXPECT_EQ(part(e6, 54, 2), (Bytes{static_cast<std::uint8_t>(c.type6), static_cast<std::uint8_t>(c.code6)}));
    EXPECT_EQ(e6[60] << 8 | e6[61], static_cast<int>(c.word6));
    EXPECT_EQ(part(e6, 38, 16), part(f6, 22, 16)) << "to the source";
    EXPECT_EQ(part(e6, 62, e6.size() - 62), part(f6, 14, f6.size() - 14));
  }
}

TEST(ICMPError, QuotesAsMuchAsTheRulesAllowAndNoPadding) {
  for (const std::size_t payload : {0u, 1u, 519u, 520u, 521u, 1183u, 1184u, 1185u, 1400u}) {
    TestPipeline four(config("TYPE ttl_exceeded", kSound)), six(config("TYPE ttl_exceeded", kSound6));
    Bytes f4 = testing::udp4(payload), f6 = testing::udp6(payload);
    f4.resize(f4.size() + 7), f6.resize(f6.size() + 7);
    TestBatch b4({f4}), b6({f6});
    ASSERT_TRUE(four.run(b4.batch) && six.run(b6.batch));
    ASSERT_EQ(b4.batch.verdict[0], Verdict::kTx);
    EXPECT_EQ(b4.batch.len[0], 14 + std::min<std::size_t>(576, 28 + 28 + payload));
    ASSERT_EQ(b6.batch.verdict[0], Verdict::kTx);
    EXPECT_EQ(b6.batch.len[0], 14 + std::min<std::size_t>(1280, 48 + 48 + payload));
  }
}

TEST(ICMPError, KeepsVlanTags) {
  Bytes f = testing::udp4(30);
  f.insert(f.begin() + 12, {0x88, 0xa8, 0, 9, 0x81, 0, 0, 7});
  TestPipeline p(config("TYPE ttl_exceeded", kSound));
  TestBatch batch({f});
  ASSERT_TRUE(p.run(batch.batch));
  ASSERT_EQ(batch.batch.verdict[0], Verdict::kTx);
  EXPECT_EQ(part(batch.frame(0), 12, 10), part(f, 12, 10));
  EXPECT_EQ(batch.batch.l3_off[0], 22);
  EXPECT_EQ(batch.batch.proto[0], 1);
}

struct Never {
  const char* name;
  bool v6;
  std::function<void(Bytes&)> change;
  const char* reason;  // "none": is answered
};

const std::vector<Never> kNever = {
    {"multicast", false, [](Bytes& f) { f[30] = 224; }, "icmp_to_group"},
    {"broadcast", false, [](Bytes& f) { f[30] = f[31] = f[32] = f[33] = 255; }, "icmp_to_group"},
    {"Ethernet broadcast", false, [](Bytes& f) { std::fill_n(f.begin(), 6, std::uint8_t{255}); }, "icmp_to_group"},
    {"IPv6 multicast", true, [](Bytes& f) { f[38] = 0xff; }, "icmp_to_group"},
    {"from a multicast station", false, [](Bytes& f) { f[6] |= 1; }, "icmp_bad_source"},
    {"from 0/8", false, [](Bytes& f) { f[26] = 0; }, "icmp_bad_source"},
    {"from loopback", false, [](Bytes& f) { f[26] = 127; }, "icmp_bad_source"},
    {"from multicast", false, [](Bytes& f) { f[26] = 239; }, "icmp_bad_source"},
    {"from class E", false, [](Bytes& f) { f[26] = 240; }, "icmp_bad_source"},
    {"from broadcast", false, [](Bytes& f) { f[26] = f[27] = f[28] = f[29] = 255; }, "icmp_bad_source"},
    {"from ::", true, [](Bytes& f) { std::fill_n(f.begin() + 22, 16, std::uint8_t{0}); }, "icmp_bad_source"},
    {"from IPv6 multicast", true, [](Bytes& f) { f[22] = 0xff; }, "icmp_bad_source"},
    {"first fragment", false, [](Bytes& f) { f[20] = 0x20; }, "none"},
    {"later fragment", false, [](Bytes& f) { f[21] = 1; }, "icmp_late_fragment"},
    {"echo request", false, [](Bytes& f) { f[23] = 1, f[34] = 8; }, "none"},
    {"unreachable", false, [](Bytes& f) { f[23] = 1, f[34] = 3; }, "icmp_about_error"},
    {"time exceeded", false, [](Bytes& f) { f[23] = 1, f[34] = 11; }, "icmp_about_error"},
    {"redirect", false, [](Bytes& f) { f[23] = 1, f[34] = 5; }, "icmp_about_error"},
    {"unknown ICMP", false, [](Bytes& f) { f[23] = 1, f[34] = 200; }, "icmp_about_error"},
    {"ICMPv6 echo", true, [](Bytes& f) { f[20] = 58, f[54] = 128; }, "none"},
    {"ICMPv6 unreachable", true, [](Bytes& f) { f[20] = 58, f[54] = 1; }, "icmp_about_error"},
    {"ICMPv6 unknown error", true, [](Bytes& f) { f[20] = 58, f[54] = 127; }, "icmp_about_error"},
    {"ICMPv6 redirect", true, [](Bytes& f) { f[20] = 58, f[54] = 137; }, "icmp_about_error"},
    {"later ICMPv6 fragment", true, [](Bytes& f) { f[20] = 44, f[54] = 58, f[57] = 8; }, "icmp_about_error"},
    {"later IPv6 fragment", true, [](Bytes& f) { f[20] = 44, f[54] = 17, f[57] = 8; }, "none"},
    {"cut", false, [](Bytes& f) { f.pop_back(); }, "icmp_not_ip"},
    {"ARP", false, [](Bytes& f) { f[13] = 6; }, "icmp_not_ip"},
};

TEST(ICMPError, IsNeverSentAboutSome) {
  TestPipeline p(config("TYPE ttl_exceeded, RATE 1000000, BURST 10000"));
  std::uint64_t refused = 0;
  for (const Never& n : kNever) {
    Bytes f = n.v6 ? testing::udp6(30) : testing::udp4(30);
    n.change(f);
    TestBatch batch({f});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(p.reason(batch.batch, 0), n.reason) << n.name;
    const bool answered = std::string(n.reason) == "none";
    EXPECT_EQ(batch.batch.verdict[0], answered ? Verdict::kTx : Verdict::kDrop) << n.name;
    refused += !answered;
  }
  EXPECT_EQ(p.counter("e", "refused"), refused);
  EXPECT_EQ(p.counter("e", "sent"), kNever.size() - refused);
}

TEST(ICMPError, TooBigIsSentAboutIPv6MulticastOnly) {
  TestPipeline p(config("TYPE packet_too_big, MTU 1400"));
  Bytes six = testing::udp6(30), four = testing::udp4(30);
  six[0] = 0x33, six[38] = 0xff;
  four[30] = 224;
  TestBatch batch({six, four});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.batch.verdict[0], Verdict::kTx);
  EXPECT_EQ(p.reason(batch.batch, 1), "icmp_to_group");
}

TEST(ICMPError, HoldsItsRateByThePacketsTime) {
  TestPipeline p(config("TYPE ttl_exceeded, RATE 100, BURST 5"));
  auto sent_at = [&](std::uint64_t ms, unsigned packets) {
    TestBatch batch(std::vector<Bytes>(packets, testing::udp4()));
    batch.batch.now_ns = ms * 1'000'000;
    EXPECT_TRUE(p.run(batch.batch));
    unsigned sent = 0;
    for (unsigned i = 0; i < packets; ++i) sent += batch.batch.verdict[i] == Verdict::kTx;
    return sent;
  };
  EXPECT_EQ(sent_at(5000, 20), 5u);
  EXPECT_EQ(sent_at(5009, 20), 0u);
  EXPECT_EQ(sent_at(5010, 20), 1u);
  EXPECT_EQ(sent_at(5000, 20), 0u) << "time that goes back gives nothing";
  EXPECT_EQ(sent_at(5040, 20), 3u);
  EXPECT_EQ(sent_at(9000, 20), 5u) << "never more than the burst";
  EXPECT_EQ(p.counter("e", "limited"), 15u + 20 + 19 + 20 + 17 + 15);
  TestPipeline next(config("TYPE ttl_exceeded, RATE 100, BURST 5"));
  next.graph->adopt(*p.graph);
  TestBatch batch({testing::udp4()});
  batch.batch.now_ns = 9'000'000'000;
  ASSERT_TRUE(next.run(batch.batch));
  EXPECT_EQ(next.reason(batch.batch, 0), "icmp_rate_limited") << "a new pipeline is no new burst";
}

TEST(ICMPError, WithoutAnAddressOfTheFamilyNothingIsSent) {
  TestPipeline p("FromPort(x) -> ICMPError(TYPE ttl_exceeded, ADDRESS 192.0.2.1) -> ToPort;");
  TestBatch batch({testing::udp6(), testing::udp4()});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(p.reason(batch.batch, 0), "icmp_no_address");
  EXPECT_EQ(batch.batch.verdict[1], Verdict::kTx);
}

TEST(ICMPError, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"ADDRESS 192.0.2.1", "TYPE, the error to send, is missing"},
      {"TYPE redirect, ADDRESS 192.0.2.1", "TYPE cannot be 'redirect'"},
      {"TYPE ttl_exceeded", "has no address to send from"},
      {"TYPE ttl_exceeded, ADDRESS 192.0.2", "no address of a host"},
      {"TYPE ttl_exceeded, ADDRESS 224.0.0.1", "no address of a host"},
      {"TYPE ttl_exceeded, ADDRESS 192.0.2.1 192.0.2.2", "second one of its family"},
      {"TYPE ttl_exceeded, CODE net, ADDRESS 192.0.2.1", "CODE goes with TYPE unreachable only"},
      {"TYPE unreachable, ADDRESS 192.0.2.1", "needs a CODE"},
      {"TYPE unreachable, CODE tos, ADDRESS 192.0.2.1", "CODE cannot be 'tos'"},
      {"TYPE fragmentation_needed, ADDRESS 192.0.2.1", "needs an MTU"},
      {"TYPE ttl_exceeded, MTU 1500, ADDRESS 192.0.2.1", "MTU goes with"},
      {"TYPE fragmentation_needed, MTU 67, ADDRESS 192.0.2.1", "68 to 65535"},
      {"TYPE ttl_exceeded, RATE 0, ADDRESS 192.0.2.1", "RATE is a number from 1"},
      {"TYPE ttl_exceeded, BURST 0, ADDRESS 192.0.2.1", "BURST is a number from 1"},
  };
  for (const auto& [args, text] : cases) {
    TestPipeline p("FromPort(x) -> ICMPError(" + std::string(args) + ") -> ToPort;");
    EXPECT_FALSE(p.graph) << args;
    EXPECT_NE(p.diag.text().find(text), std::string::npos) << p.diag.text();
  }
}

TEST(ICMPError, SurvivesHostilePackets) {
  testing::Hostile hostile;
  TestPipeline p(config("TYPE packet_too_big, MTU 100, RATE 1000000, BURST 10000",
                        "c :: CheckL4Checksum -> ToPort; c[1] -> Discard(not_sound)"));
  ASSERT_TRUE(p.graph) << p.diag.text();
  hostile.run(p, 4000, false);
  EXPECT_EQ(p.counter("c", "bad"), 0u) << "every error has a right checksum";
  EXPECT_GT(p.counter("e", "sent"), 100u);
  hostile.run(p, 4000);
}

}  // namespace
}  // namespace fulcrum
