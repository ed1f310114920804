// SPDX-License-Identifier: MIT
// rewrite_test.cc - VLANEncap, VLANDecap, Strip, Unstrip, StoreBytes, SetIPDSCP.
#include <gtest/gtest.h>

#include "fulcrum/reparse.h"
#include "pipeline/elements/packet/test_frames.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

// Whether the batch tells of packet i what a parser finds in it.
void expect_parsed(const Batch& b, unsigned i) {
  fulcrum_parsed p;
  fulcrum_parse(b.data[i], b.data[i] + b.len[i], &p);
  EXPECT_EQ(b.l3_off[i], p.l3_off);
  EXPECT_EQ(b.l4_off[i], p.l4_off);
  EXPECT_EQ(b.payload_off[i], p.payload_off);
  EXPECT_EQ(b.flags[i], p.flags);
}

TEST(VLAN, TagsAndUntags) {
  TestPipeline in("FromPort(x) -> VLANEncap(ID 4094, PRIO 7) -> ToPort(y);");
  ASSERT_TRUE(in.graph) << in.diag.text();
  const Bytes plain = testing::udp4(30);
  TestBatch batch({plain});
  ASSERT_TRUE(in.run(batch.batch));
  Bytes tagged = plain;
  tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0xef, 0xfe});
  EXPECT_EQ(batch.frame(0), tagged);
  expect_parsed(batch.batch, 0);
  TestPipeline out("FromPort(x) -> VLANDecap -> ToPort(y);");
  batch.batch.reset_results(0);
  ASSERT_TRUE(out.run(batch.batch));
  EXPECT_EQ(batch.frame(0), plain);
  expect_parsed(batch.batch, 0);
}

TEST(VLAN, DoubleTagsInOrder) {
  TestPipeline p("FromPort(x) -> VLANEncap(ID 10) -> VLANEncap(200, TPID 802.1ad) -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch batch({testing::udp6(30)});
  ASSERT_TRUE(p.run(batch.batch));
  const Bytes f = batch.frame(0);
  EXPECT_EQ(Bytes(f.begin() + 12, f.begin() + 22), (Bytes{0x88, 0xa8, 0, 200, 0x81, 0, 0, 10, 0x86, 0xdd}));
  expect_parsed(batch.batch, 0);
  TestPipeline back("FromPort(x) -> VLANDecap(ID 200) -> VLANDecap(ID 10) -> CheckIP6Header -> ToPort(y);");
  batch.batch.reset_results(0);
  ASSERT_TRUE(back.run(batch.batch));
  EXPECT_EQ(batch.frame(0), testing::udp6(30));
  EXPECT_EQ(batch.batch.verdict[0], Verdict::kTx);
}

TEST(VLAN, ChosenAddressesAreWrittenInFrontOfTheTag) {
  TestPipeline p("FromPort(x) -> EtherRewrite(DST 02:aa:00:00:00:01) -> VLANEncap(ID 5) -> ToPort(y);");
  TestBatch batch({testing::udp4()});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.leaving(0)[1], 0xaa);
  EXPECT_EQ(batch.leaving(0)[12], 0x81);
}

TEST(VLAN, WithoutTheTagItIsUntouched) {
  Bytes other = testing::udp4();
  other.insert(other.begin() + 12, {0x81, 0x00, 0xe0, 0x08});
  TestPipeline p("FromPort(x) -> d :: VLANDecap(ID 7) -> ToPort(y);");
  TestBatch batch({testing::udp4(), other, Bytes(17, 0x81), Bytes{}});
  ASSERT_TRUE(p.run(batch.batch));
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(p.reason(batch.batch, i), "untagged") << i;
  EXPECT_EQ(batch.frame(1), other);
  EXPECT_EQ(p.counter("d", "untagged"), 4u);
  TestPipeline in("FromPort(x) -> v :: VLANEncap(ID 7) -> ToPort(y);");
  TestBatch tiny({Bytes(13), Bytes(14)});
  ASSERT_TRUE(in.run(tiny.batch));
  EXPECT_EQ(in.reason(tiny.batch, 0), "short_frame");
  EXPECT_EQ(tiny.batch.verdict[1], Verdict::kTx);
  EXPECT_EQ(in.counter("v", "short"), 1u);
}

TEST(Strip, MovesTheFrontAndUnstripMovesItBack) {
  const Bytes f = testing::udp4(30);
  TestPipeline p("FromPort(x) -> Strip(BYTES 14) -> CheckIPHeader -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch batch({f});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.batch.verdict[0], Verdict::kTx) << "its IP header is found at the first byte";
  EXPECT_EQ(batch.frame(0), Bytes(f.begin() + 14, f.end()));
  EXPECT_EQ(batch.batch.l4_off[0], 20);
  TestPipeline back("FromPort(x) -> Unstrip(14) -> ToPort(y);");
  batch.batch.reset_results(0);
  ASSERT_TRUE(back.run(batch.batch));
  EXPECT_EQ(batch.frame(0), f);
  expect_parsed(batch.batch, 0);
}

TEST(Strip, WhatIsNotIpAnyMoreIsNotTakenForIt) {
  TestPipeline p("FromPort(x) -> s :: Strip(15) -> c :: CheckIPHeader -> ToPort(y);");
  TestBatch batch({testing::udp4(30), Bytes(15, 1), Bytes(16, 1)});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(p.reason(batch.batch, 0), "bad_ip_header");
  EXPECT_EQ(p.reason(batch.batch, 1), "short_frame");
  EXPECT_EQ(batch.frame(1).size(), 15u);
  EXPECT_EQ(batch.frame(2).size(), 1u);
  EXPECT_EQ(p.counter("s", "short"), 1u);
}

TEST(Strip, ChosenAddressesGoWithTheBytes) {
  TestPipeline p("FromPort(x) -> EtherRewrite(SRC 02:aa:00:00:00:01) -> Strip(14) -> ToPort(y);");
  TestBatch batch({testing::udp4(30)});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.leaving(0), batch.frame(0));
}

TEST(StoreBytes, WritesAndTellsOfNewHeaders) {
  TestPipeline p("FromPort(x) -> s :: StoreBytes(OFFSET 12, DATA \"\\x88\\xb5\") -> CheckIPHeader -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch batch({testing::udp4(), Bytes(13)});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(p.reason(batch.batch, 0), "bad_ip_header") << "not IPv4 any more";
  EXPECT_EQ(batch.frame(0)[13], 0xb5);
  EXPECT_EQ(p.reason(batch.batch, 1), "short_frame");
  EXPECT_EQ(p.counter("s", "short"), 1u);
}

TEST(StoreBytes, PayloadToTheLastByte) {
  Bytes f = testing::udp4(22);
  TestPipeline p("FromPort(x) -> StoreBytes(OFFSET 60, DATA \"abcd\") -> ToPort(y);");
  TestBatch batch({f, Bytes(f.begin(), f.end() - 1)});
  ASSERT_TRUE(p.run(batch.batch));
  std::memcpy(&f[60], "abcd", 4);
  EXPECT_EQ(batch.frame(0), f);
  EXPECT_EQ(batch.batch.verdict[1], Verdict::kDrop);
}

TEST(SetIPDSCP, ChangesNothingElseAndKeepsTheChecksumRight) {
  for (unsigned ecn = 0; ecn < 4; ++ecn)
    for (unsigned dscp = 0; dscp < 64; ++dscp) {
      TestPipeline p("FromPort(x) -> SetIPDSCP(DSCP " + std::to_string(dscp) + ") -> ToPort(y);");
      Bytes four = testing::udp4(), six = testing::udp6();
      four[15] = static_cast<std::uint8_t>(0xa8 | ecn);
      testing::fix_checksum(four);
      six[14] = 0x6c, six[15] = static_cast<std::uint8_t>(ecn << 4 | 0x85);
      TestBatch batch({four, six});
      ASSERT_TRUE(p.run(batch.batch));
      four[15] = static_cast<std::uint8_t>(dscp << 2 | ecn);
      testing::fix_checksum(four);
      six[14] = static_cast<std::uint8_t>(0x60 | dscp >> 2);
      six[15] = static_cast<std::uint8_t>((dscp & 3) << 6 | ecn << 4 | 5);
      EXPECT_EQ(batch.frame(0), four);
      EXPECT_EQ(batch.frame(1), six);
    }
}

TEST(SetIPDSCP, KnowsNames) {
  const std::pair<const char*, unsigned> names[] = {{"cs0", 0},   {"cs7", 56}, {"af11", 10}, {"af43", 38},
                                                    {"af22", 20}, {"ef", 46},  {"va", 44},   {"le", 1}};
  for (const auto& [name, value] : names) {
    TestPipeline p("FromPort(x) -> s :: SetIPDSCP(" + std::string(name) + ") -> ToPort(y);");
    ASSERT_TRUE(p.graph) << p.diag.text();
    TestBatch batch({testing::udp4()});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(batch.frame(0)[15] >> 2, static_cast<int>(value)) << name;
    EXPECT_EQ(p.counter("s", "changed"), value ? 1u : 0u);
  }
}

TEST(Rewrite, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"VLANEncap", "ID, a number from 0 to 4094, is missing"},
      {"VLANEncap(ID 4095)", "ID is a number from 0 to 4094, not '4095'"},
      {"VLANEncap(ID 1, PRIO 8)", "PRIO is a number from 0 to 7"},
      {"VLANEncap(ID 1, TPID 0x8100)", "TPID cannot be '0x8100'"},
      {"VLANDecap(ID x)", "not 'x'"},
      {"Strip(0)", "BYTES is a number from 1 to 65535"},
      {"Strip", "BYTES, a number from 1 to 65535, is missing"},
      {"Unstrip(BYTES 129)", "1 to 128"},
      {"SetIPDSCP(64)", "0 to 63"},
      {"SetIPDSCP(af14)", "'af14' is no DSCP"},
      {"StoreBytes(OFFSET 0)", "DATA, what to write, is missing"},
      {"StoreBytes(OFFSET 0, DATA \"\")", "DATA is 0 bytes"},
      {"StoreBytes(OFFSET -1, DATA x)", "OFFSET is a number"},
  };
  for (const auto& [element, text] : cases) {
    TestPipeline p("FromPort(x) -> " + std::string(element) + " -> ToPort(y);");
    EXPECT_FALSE(p.graph) << element;
    EXPECT_NE(p.diag.text().find(text), std::string::npos) << p.diag.text();
  }
}

TEST(Rewrite, SurvivesHostilePackets) {
  testing::Hostile hostile;
  TestPipeline p(
      "v :: VLANDecap; s :: Strip(14); w :: StoreBytes(OFFSET 10, DATA \"\\x08\\x00\\x45\\x00\");"
      "FromPort(x) -> EtherMirror -> VLANEncap(1) -> v -> VLANDecap -> w -> s -> SetIPDSCP(le) -> Unstrip(14) -> "
      "ToPort;"
      "w[1] -> s; s[1] -> Discard(tiny); v[1] -> s;");
  ASSERT_TRUE(p.graph) << p.diag.text();
  hostile.run(p, 6000);
}

}  // namespace
}  // namespace fulcrum
