// SPDX-License-Identifier: MIT
// checksums_test.cc - CheckL4Checksum and SetChecksums on right, wrong, absent and cut checksums.
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "pipeline/elements/packet/test_frames.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

// The plain way, network order; `field` counted from L4.
void fix_l4(Bytes& f, std::size_t l4, std::size_t bytes, std::size_t field, unsigned proto, bool pseudo = true) {
  testing::put16(f, l4 + field, 0);
  Bytes covered;
  const bool v6 = f[14] >> 4 == 6;
  if (pseudo) {
    covered.assign(f.begin() + (v6 ? 22 : 26), f.begin() + (v6 ? 54 : 34));
    covered.insert(covered.end(), {0, static_cast<std::uint8_t>(proto), static_cast<std::uint8_t>(bytes >> 8),
                                   static_cast<std::uint8_t>(bytes)});
  }
  covered.insert(covered.end(), f.begin() + static_cast<std::ptrdiff_t>(l4),
                 f.begin() + static_cast<std::ptrdiff_t>(l4 + bytes));
  if (covered.size() % 2) covered.push_back(0);
  testing::put16(f, l4 + field, testing::checksum(covered.data(), covered.size()));
}

Bytes sound4(unsigned proto, std::size_t payload = 23) {
  Bytes f = testing::udp4(payload);
  f[23] = static_cast<std::uint8_t>(proto);
  if (proto == 6) f[46] = 0x50;
  testing::fix_checksum(f);
  fix_l4(f, 34, f.size() - 34, proto == 17 ? 6 : proto == 6 ? 16 : 2, proto, proto != 1);
  return f;
}

Bytes sound6(unsigned proto, std::size_t payload = 23) {
  Bytes f = testing::udp6(payload);
  f[20] = static_cast<std::uint8_t>(proto);
  if (proto == 6) f[66] = 0x50;
  fix_l4(f, 54, f.size() - 54, proto == 17 ? 6 : proto == 6 ? 16 : 2, proto);
  return f;
}

struct Case {
  const char* name;
  Bytes base;
  std::function<void(Bytes&)> change;
  bool good;
};

std::vector<Case> cases() {
  return {
      {"UDP", sound4(17), [](Bytes&) {}, true},
      {"TCP", sound4(6), [](Bytes&) {}, true},
      {"ICMP", sound4(1), [](Bytes&) {}, true},
      {"UDP over IPv6", sound6(17), [](Bytes&) {}, true},
      {"TCP over IPv6", sound6(6), [](Bytes&) {}, true},
      {"ICMPv6", sound6(58), [](Bytes&) {}, true},
      {"UDP payload", sound4(17), [](Bytes& f) { f.back() ^= 1; }, false},
      {"TCP port", sound4(6), [](Bytes& f) { f[34] ^= 0x80; }, false},
      {"ICMP type", sound4(1), [](Bytes& f) { f[34] ^= 8; }, false},
      {"ICMPv6 payload", sound6(58), [](Bytes& f) { f.back() ^= 1; }, false},
      {"address in the pseudo header", sound6(6), [](Bytes& f) { f[53] ^= 1; }, false},
      {"bytes behind the datagram", sound4(17), [](Bytes& f) { f.resize(f.size() + 9, 0xee); }, true},
      {"UDP without checksum", sound4(17), [](Bytes& f) { testing::put16(f, 40, 0); }, true},
      {"UDP over IPv6 without", sound6(17), [](Bytes& f) { testing::put16(f, 60, 0); }, false},
      {"UDP length beyond the datagram", sound4(17), [](Bytes& f) { f[39]++; }, false},
      {"UDP length below its header", sound4(17), [](Bytes& f) { testing::put16(f, 38, 7); }, false},
      {"shorter UDP length",  // the rest is surplus, RFC 9868
       sound4(17),
       [](Bytes& f) {
         testing::put16(f, 38, 20);
         fix_l4(f, 34, 20, 6, 17);
         f.back() ^= 0xff;
       },
       true},
      {"TCP header cut", sound4(6),
       [](Bytes& f) { f.resize(14 + 20 + 19), testing::put16(f, 16, 39), testing::fix_checksum(f); }, false},
      {"a first fragment", sound4(17), [](Bytes& f) { f[20] = 0x20, f.back() ^= 1; }, true},
      {"a later fragment", sound4(17), [](Bytes& f) { f[21] = 9, f.back() ^= 1; }, true},
      {"another protocol", sound4(17), [](Bytes& f) { f[23] = 47; }, true},
      {"no IP", sound4(17), [](Bytes& f) { f[12] = 0x88; }, true},
      {"total length beyond the frame", sound4(17), [](Bytes& f) { f.pop_back(); }, false},
      {"header length of 16", sound4(17), [](Bytes& f) { f[14] = 0x44; }, true},  // the parser says: not IP
  };
}

TEST(CheckL4Checksum, JudgesEachCase) {
  TestPipeline p("FromPort(x) -> CheckL4Checksum -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  for (const Case& c : cases()) {
    Bytes frame = c.base;
    c.change(frame);
    TestBatch batch({frame});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(batch.batch.verdict[0], c.good ? Verdict::kTx : Verdict::kDrop) << c.name;
    EXPECT_EQ(p.reason(batch.batch, 0), c.good ? "none" : "bad_l4_checksum") << c.name;
    EXPECT_EQ(batch.frame(0), frame) << c.name << ": a check changes nothing";
  }
}

TEST(CheckL4Checksum, LooksBehindExtensionHeaders) {
  TestPipeline p("FromPort(x) -> c :: CheckL4Checksum -> ToPort(y);");
  // segments left, checksum right, good
  for (const auto& [left, right, good] : std::vector<std::tuple<int, bool, bool>>{
           {0, true, true}, {0, false, false}, {1, true, true}, {1, false, true}}) {
    Bytes f = sound6(17);
    f.insert(f.begin() + 54, {17, 0, 4, static_cast<std::uint8_t>(left), 0, 0, 0, 0});
    f[20] = 43;
    testing::put16(f, 18, static_cast<unsigned>(f.size() - 54));
    if (!right) f.back() ^= 1;
    TestBatch batch({f});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(batch.batch.verdict[0], good ? Verdict::kTx : Verdict::kDrop) << left << right;
  }
  EXPECT_EQ(p.counter("c", "unchecked"), 2u);
  EXPECT_EQ(p.counter("c", "bad"), 1u);
}

TEST(CheckL4Checksum, DoesNotJudgeAnUnfinishedSourceRoute) {
  TestPipeline p("FromPort(x) -> c :: CheckL4Checksum -> ToPort(y);");
  for (const std::uint8_t pointer : {4, 8}) {  // at the only address, behind it
    Bytes f = sound4(17);
    f.insert(f.begin() + 34, {1, 131, 7, pointer, 10, 9, 9, 9});
    f[14] = 0x47;
    testing::put16(f, 16, static_cast<unsigned>(f.size() - 14));
    f.back() ^= 1;
    TestBatch batch({f});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(batch.batch.verdict[0], pointer == 4 ? Verdict::kTx : Verdict::kDrop);
  }
}

TEST(SetChecksums, MakesRightWhatTheOtherCheckCallsRight) {
  TestPipeline p("FromPort(x) -> s :: SetChecksums -> CheckIPHeader -> CheckL4Checksum -> ToPort(y);");
  TestPipeline six("FromPort(x) -> SetChecksums -> CheckIP6Header -> CheckL4Checksum -> ToPort(y);");
  for (const unsigned proto : {1u, 6u, 17u, 58u})
    for (std::size_t payload = 12; payload < 80; ++payload) {
      const bool v6 = proto == 58 || payload % 2;
      if (v6 && proto == 1) continue;
      const Bytes right = v6 ? sound6(proto, payload) : sound4(proto, payload);
      Bytes wrong = right;
      if (!v6) wrong[24] ^= 0x5a;
      wrong[(v6 ? 54u : 34u) + (proto == 6 ? 16 : proto == 17 ? 6 : 2)] ^= 0xa5;
      TestBatch batch({wrong});
      ASSERT_TRUE((v6 ? six : p).run(batch.batch));
      EXPECT_EQ(batch.batch.verdict[0], Verdict::kTx);
      EXPECT_EQ(batch.frame(0), right) << proto << " " << payload;
    }
}

TEST(SetChecksums, GivesUdpOneWhereItHadNoneAndNeverZero) {
  TestPipeline p("FromPort(x) -> SetChecksums -> ToPort(y);");
  Bytes f = sound4(17);
  testing::put16(f, 40, 0);
  TestBatch none({f});
  ASSERT_TRUE(p.run(none.batch));
  EXPECT_EQ(none.frame(0), sound4(17));
  // A payload word that makes the sum all ones: its checksum would be zero.
  const unsigned check = sound4(17)[40] << 8 | sound4(17)[41];
  const unsigned word = (f[42] << 8 | f[43]) + check;
  testing::put16(f, 42, (word & 0xffff) + (word >> 16));
  TestBatch zero({f});
  ASSERT_TRUE(p.run(zero.batch));
  EXPECT_EQ(zero.frame(0)[40], 0xff);
  EXPECT_EQ(zero.frame(0)[41], 0xff);
}

TEST(SetChecksums, LeavesL4OfFragmentsAndDropsWhatIsCut) {
  TestPipeline p("FromPort(x) -> s :: SetChecksums -> ToPort(y);");
  Bytes fragment = sound4(17), cut = sound4(17), shorter = sound4(6);
  fragment[20] = 0x20, fragment[24] = fragment[40] = 0x77;
  cut.pop_back();
  testing::put16(shorter, 16, 39);
  TestBatch batch({fragment, cut, shorter});
  const Bytes before = batch.frame(2);
  ASSERT_TRUE(p.run(batch.batch));
  testing::fix_checksum(fragment);
  EXPECT_EQ(batch.frame(0), fragment);
  EXPECT_EQ(p.reason(batch.batch, 1), "bad_length");
  EXPECT_EQ(p.reason(batch.batch, 2), "bad_length");
  EXPECT_EQ(batch.frame(2), before);
  EXPECT_EQ(p.counter("s", "header_only"), 1u);
  EXPECT_EQ(p.counter("s", "bad"), 2u);
}

TEST(Checksums, SurviveHostilePackets) {
  testing::Hostile hostile;
  TestPipeline p(
      "c :: CheckL4Checksum; s :: SetChecksums; d :: SetIPDSCP(ef); FromPort(x) -> c -> s -> d -> ToPort(y); c[1] -> "
      "s; s[1] -> d;");
  ASSERT_TRUE(p.graph) << p.diag.text();
  hostile.run(p, 6000);
}

}  // namespace
}  // namespace fulcrum
