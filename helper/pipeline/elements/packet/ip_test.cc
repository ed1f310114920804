// SPDX-License-Identifier: MIT
// ip_test.cc - CheckIPHeader, CheckIP6Header, DecIPTTL, DecIP6HLIM on sound, odd and cut packets.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

struct Case {
  const char* name;
  std::function<void(Bytes&)> change;
  bool good;
};

void expect_cases(const std::string& element, const Bytes& sound, const std::vector<Case>& cases, const char* reason) {
  TestPipeline p("FromPort(x) -> " + element + " -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  for (const Case& c : cases) {
    Bytes frame = sound;
    c.change(frame);
    TestBatch batch({frame});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(batch.batch.verdict[0], c.good ? Verdict::kTx : Verdict::kDrop) << c.name;
    EXPECT_EQ(p.reason(batch.batch, 0), c.good ? "none" : reason) << c.name;
    EXPECT_EQ(batch.frame(0), frame) << c.name << ": a check changes nothing";
  }
}

TEST(CheckIPHeader, JudgesEachField) {
  const std::vector<Case> cases = {
      {"sound", [](Bytes&) {}, true},
      {"padded frame", [](Bytes& f) { f.resize(f.size() + 18); }, true},
      {"options",
       [](Bytes& f) {
         f.insert(f.begin() + 34, {1, 1, 1, 0});
         f[14] = 0x46;
         testing::put16(f, 16, static_cast<unsigned>(f.size() - 14));
         testing::fix_checksum(f);
       },
       true},
      {"one bit of the checksum", [](Bytes& f) { f[25] ^= 1; }, false},
      {"version", [](Bytes& f) { f[14] = 0x55, testing::fix_checksum(f); }, false},
      {"header of 16 bytes", [](Bytes& f) { f[14] = 0x44, testing::fix_checksum(f); }, false},
      {"header beyond the frame", [](Bytes& f) { f[14] = 0x4f, f.resize(14 + 40); }, false},
      {"total length below header", [](Bytes& f) { testing::put16(f, 16, 19), testing::fix_checksum(f); }, false},
      {"total length beyond the frame",
       [](Bytes& f) { testing::put16(f, 16, static_cast<unsigned>(f.size() - 13)), testing::fix_checksum(f); }, false},
      {"total length is the header", [](Bytes& f) { testing::put16(f, 16, 20), testing::fix_checksum(f); }, true},
      {"multicast source", [](Bytes& f) { f[26] = 224, testing::fix_checksum(f); }, false},
      {"last multicast source", [](Bytes& f) { f[26] = 239, testing::fix_checksum(f); }, false},
      {"class E source", [](Bytes& f) { f[26] = 240, testing::fix_checksum(f); }, true},
      {"broadcast source", [](Bytes& f) { f[26] = f[27] = f[28] = f[29] = 255, testing::fix_checksum(f); }, false},
      {"cut in the header", [](Bytes& f) { f.resize(14 + 19); }, false},
      {"no IP at all", [](Bytes& f) { f.resize(14); }, false},
      {"nothing", [](Bytes& f) { f.clear(); }, false},
  };
  expect_cases("CheckIPHeader", testing::udp4(), cases, "bad_ip_header");
  expect_cases("CheckIPHeader", testing::udp6(), {{"IPv6", [](Bytes&) {}, false}}, "bad_ip_header");
}

TEST(CheckIP6Header, JudgesEachField) {
  const std::vector<Case> cases = {
      {"sound", [](Bytes&) {}, true},
      {"padded frame", [](Bytes& f) { f.resize(f.size() + 18); }, true},
      {"version", [](Bytes& f) { f[14] = 0x40; }, false},
      {"payload beyond the frame", [](Bytes& f) { f[19]++; }, false},
      {"payload shorter than the frame", [](Bytes& f) { f[19]--; }, true},
      {"multicast source", [](Bytes& f) { f[22] = 0xff; }, false},
      {"cut in the header", [](Bytes& f) { f.resize(14 + 39); }, false},
      {"nothing", [](Bytes& f) { f.clear(); }, false},
  };
  expect_cases("CheckIP6Header", testing::udp6(), cases, "bad_ip6_header");
  expect_cases("CheckIP6Header", testing::udp4(), {{"IPv4", [](Bytes&) {}, false}}, "bad_ip6_header");
}

// Linux, include/net/ip.h: ip_decrease_ttl(), on a little-endian machine.
std::uint16_t linux_check(std::uint16_t check) {
  std::uint32_t c = check;
  c += 0x0001;  // htons(0x0100)
  return static_cast<std::uint16_t>(c + (c >= 0xFFFF));
}

TEST(DecIPTTL, UpdatesEveryChecksumAsLinuxDoes) {
  TestPipeline p("FromPort(x) -> DecIPTTL -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch batch({testing::udp4()});
  std::uint8_t* check = batch.batch.data[0] + 24;
  for (unsigned value = 0; value <= 0xffff; ++value) {
    const auto old = static_cast<std::uint16_t>(value);
    std::memcpy(check, &old, 2);
    batch.batch.data[0][22] = 64;
    batch.batch.reset_results(0);
    ASSERT_TRUE(p.run(batch.batch));
    std::uint16_t now;
    std::memcpy(&now, check, 2);
    ASSERT_EQ(now, linux_check(old)) << value;
    ASSERT_EQ(batch.batch.data[0][22], 63);
  }
}

TEST(DecIPTTL, LeavesASoundHeaderSound) {
  TestPipeline p("FromPort(x) -> DecIPTTL -> CheckIPHeader -> ToPort(y);");
  for (unsigned ttl = 2; ttl < 256; ++ttl) {
    TestBatch batch({testing::udp4(22, static_cast<std::uint8_t>(ttl))});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(batch.batch.verdict[0], Verdict::kTx) << ttl;
  }
}

TEST(DecIPTTL, SendsExpiredPacketsUntouchedToTheKernel) {
  TestPipeline p("FromPort(x) -> d :: DecIPTTL -> ToPort(y);");
  TestBatch batch({testing::udp4(22, 1), testing::udp4(22, 0), testing::udp4(22, 2), testing::udp6(2, 1)});
  const Bytes before = batch.frame(0), six = batch.frame(3);
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.batch.verdict[0], Verdict::kKernel);
  EXPECT_EQ(batch.batch.verdict[1], Verdict::kKernel);
  EXPECT_EQ(p.reason(batch.batch, 0), "ttl_expired");
  EXPECT_EQ(batch.frame(0), before);
  EXPECT_EQ(batch.batch.verdict[2], Verdict::kTx);
  EXPECT_EQ(batch.batch.verdict[3], Verdict::kTx);
  EXPECT_EQ(batch.frame(3), six);
  EXPECT_EQ(p.counter("d", "expired"), 2u);
}

TEST(DecIP6HLIM, LowersOnlyIPv6) {
  TestPipeline p("FromPort(x) -> d :: DecIP6HLIM -> ToPort(y); d[1] -> Discard(late);");
  TestBatch batch(
      {testing::udp6(2, 64), testing::udp6(2, 2), testing::udp6(2, 1), testing::udp6(2, 0), testing::udp4(22, 1)});
  const Bytes four = batch.frame(4);
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.frame(0)[21], 63);
  EXPECT_EQ(batch.frame(1)[21], 1);
  EXPECT_EQ(p.reason(batch.batch, 2), "late");
  EXPECT_EQ(p.reason(batch.batch, 3), "late");
  EXPECT_EQ(batch.frame(2)[21], 1);
  EXPECT_EQ(batch.frame(4), four);
  EXPECT_EQ(batch.batch.verdict[4], Verdict::kTx);
}

// Metadata that contradicts the frame: nothing may read beyond it.
TEST(IpElements, SurviveGarbageWithWrongMetadata) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  TestPipeline p(
      "a :: CheckIPHeader; b :: CheckIP6Header; d :: DecIPTTL; FromPort(x) -> a -> d; a[1] -> b -> d; b[1] -> d;"
      "d -> DecIP6HLIM -> EtherRewrite(SRC 02:00:00:00:00:01) -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  for (int round = 0; round < 3000; ++round) {
    Bytes frame(random() % 80);
    for (auto& byte : frame) byte = static_cast<std::uint8_t>(random());
    TestBatch batch({frame});
    batch.batch.l3_off[0] = static_cast<std::uint16_t>(random() % 3 ? random() % 80 : random());
    batch.batch.flags[0] = random() & 1 ? FULCRUM_META_IP4 : FULCRUM_META_IP6;
    if (frame.size() > batch.batch.l3_off[0]) frame[batch.batch.l3_off[0]] = random() & 1 ? 0x45 : 0x60;
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_NE(batch.batch.verdict[0], Verdict::kNone);
  }
}

}  // namespace
}  // namespace fulcrum
