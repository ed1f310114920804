// SPDX-License-Identifier: MIT
// ip_fragmenter_test.cc - IPFragmenter: fragments put together are the packet; all of them or none.
#include "pipeline/elements/packet/ip_fragmenter.h"

#include <gtest/gtest.h>

#include <map>

#include "pipeline/elements/packet/test_frames.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

std::string config(unsigned mtu) {
  return "FromPort(x) -> f :: IPFragmenter(MTU " + std::to_string(mtu) +
         ") -> CheckIPHeader -> ToPort(y);"
         "f[1] -> Discard(big);";
}

struct Whole {
  Bytes payload;
  std::vector<Bytes> headers;
  bool ended = false;  // the last has no more-fragments bit
};

// As a receiver does it, by the fields alone.
Whole reassemble(const std::vector<std::pair<std::uint16_t, Bytes>>& sent, unsigned mtu, std::size_t l3 = 14) {
  Whole w;
  for (const auto& [port, f] : sent) {
    EXPECT_EQ(port, 1);
    const std::size_t header = (f[l3] & 15u) * 4, total = f[l3 + 2] << 8 | f[l3 + 3];
    EXPECT_LE(total, mtu);
    EXPECT_EQ(f.size(), l3 + total);
    const std::size_t offset = ((f[l3 + 6] & 0x1fu) << 8 | f[l3 + 7]) * 8;
    EXPECT_EQ(offset, w.payload.size()) << "in order, no hole, no overlap";
    EXPECT_FALSE(w.ended);
    w.ended = !(f[l3 + 6] & 0x20);
    EXPECT_TRUE(w.ended || (total - header) % 8 == 0);
    const auto at = [&](std::size_t n) { return f.begin() + static_cast<std::ptrdiff_t>(n); };
    w.headers.emplace_back(at(l3), at(l3 + header));
    w.payload.insert(w.payload.end(), at(l3 + header), f.end());
  }
  return w;
}

TEST(IPFragmenter, FragmentsMakeThePacketAgain) {
  for (const unsigned mtu : {68u, 69u, 75u, 76u, 100u, 576u, 1000u, 1492u})
    for (const std::size_t payload : {100u, 1000u, 1464u, 1465u, 1472u}) {
      TestPipeline p(config(mtu));
      ASSERT_TRUE(p.graph) << p.diag.text();
      Bytes f = testing::udp4(payload);
      for (std::size_t n = 42; n < f.size(); ++n) f[n] = static_cast<std::uint8_t>(n * 7 + n / 256);
      TestBatch batch({f});
      ASSERT_TRUE(p.run(batch.batch));
      const auto sent = p.sent(batch);
      const Whole w = reassemble(sent, mtu);
      EXPECT_TRUE(w.ended);
      EXPECT_EQ(w.payload, Bytes(f.begin() + 34, f.end())) << mtu << " " << payload;
      const bool cut = f.size() - 14 > mtu;
      EXPECT_EQ(sent.size() > 1, cut);
      EXPECT_EQ(p.counter("f", "fragments"), cut ? sent.size() : 0u);
      EXPECT_TRUE(cut || batch.frame(0) == f);
      for (const auto& [port, fragment] : sent)
        EXPECT_EQ(Bytes(fragment.begin(), fragment.begin() + 14), Bytes(f.begin(), f.begin() + 14));
    }
}

TEST(IPFragmenter, CopiesTheOptionsThatAskForIt) {
  Bytes f = testing::udp4(300);
  // no-op, record route (not copied), router alert (copied), end, and what stands behind it
  f.insert(f.begin() + 34, {1, 7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0, 99, 99, 99});
  f[14] = 0x49;
  testing::put16(f, 16, static_cast<unsigned>(f.size() - 14));
  testing::fix_checksum(f);
  TestPipeline p(config(100));
  TestBatch batch({f});
  ASSERT_TRUE(p.run(batch.batch));
  const Whole w = reassemble(p.sent(batch), 100);
  ASSERT_GT(w.headers.size(), 2u);
  EXPECT_EQ(w.payload, Bytes(f.begin() + 50, f.end()));
  EXPECT_EQ(w.headers[0].size(), 36u);
  for (std::size_t k = 1; k < w.headers.size(); ++k)
    EXPECT_EQ(Bytes(w.headers[k].begin() + 20, w.headers[k].end()), (Bytes{148, 4, 0, 0}));
}

TEST(IPFragmenter, CutsFragmentsAgain) {
  for (const bool last : {false, true}) {
    Bytes f = testing::udp4(792);
    f[20] = last ? 0x00 : 0x20, f[21] = 100;  // bytes 800 to 1599 of a datagram
    testing::fix_checksum(f);
    TestPipeline p(config(300));
    TestBatch batch({f});
    ASSERT_TRUE(p.run(batch.batch));
    const auto sent = p.sent(batch);
    ASSERT_EQ(sent.size(), 3u);
    Bytes payload;
    for (std::size_t k = 0; k < 3; ++k) {
      const Bytes& g = sent[k].second;
      EXPECT_EQ(((g[20] & 0x1fu) << 8 | g[21]) * 8, 800 + payload.size());
      EXPECT_EQ((g[20] & 0x20) != 0, !(last && k == 2));
      payload.insert(payload.end(), g.begin() + 34, g.end());
    }
    EXPECT_EQ(payload, Bytes(f.begin() + 34, f.end()));
  }
}

TEST(IPFragmenter, KeepsTagsAddressesAndPort) {
  Bytes f = testing::udp4(1000);
  f.insert(f.begin() + 12, {0x81, 0, 0, 7});
  TestPipeline p("FromPort(x) -> EtherMirror -> IPFragmenter(MTU 576) -> CheckIPHeader -> ToPort;");
  TestBatch batch({f});
  ASSERT_TRUE(p.run(batch.batch));
  const auto sent = p.sent(batch);
  ASSERT_EQ(sent.size(), 2u);
  for (const auto& [port, g] : sent) {
    EXPECT_EQ(port, 0);
    EXPECT_EQ(Bytes(g.begin(), g.begin() + 6), Bytes(f.begin() + 6, f.begin() + 12));
    EXPECT_EQ(Bytes(g.begin() + 12, g.begin() + 18), Bytes(f.begin() + 12, f.begin() + 18));
  }
}

TEST(IPFragmenter, DoesNotCarryWhatStandsBehindTheDatagram) {
  Bytes f = testing::udp4(100);
  f.resize(f.size() + 600, 0xee);
  TestPipeline p(config(128));
  TestBatch batch({f});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(p.sent(batch).size(), 1u) << "128 bytes by its header: not too long";
  TestPipeline less(config(127));
  TestBatch again({f});
  ASSERT_TRUE(less.run(again.batch));
  EXPECT_EQ(reassemble(less.sent(again), 127).payload, Bytes(f.begin() + 34, f.begin() + 142));
}

TEST(IPFragmenter, LeavesToOthersWhatItMayNotCut) {
  Bytes df = testing::udp4(100);
  df[20] = 0x40;
  testing::fix_checksum(df);
  TestPipeline p(config(100));
  TestBatch batch({df, testing::udp6(100)});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(p.reason(batch.batch, 0), "big");
  EXPECT_EQ(p.reason(batch.batch, 1), "big");
  EXPECT_EQ(batch.frame(0), df);
  EXPECT_EQ(p.counter("f", "too_big"), 2u);
  TestPipeline open("FromPort(x) -> IPFragmenter(MTU 100) -> ToPort(y);");
  TestBatch kernel({df});
  ASSERT_TRUE(open.run(kernel.batch));
  EXPECT_EQ(kernel.batch.verdict[0], Verdict::kKernel);
  EXPECT_EQ(open.reason(kernel.batch, 0), "too_big");
}

TEST(IPFragmenter, IsAllOrNothing) {
  TestPipeline p(config(100));
  for (std::size_t limit = 0; limit < 13; ++limit) {
    p.maker.limit = limit;
    const Bytes f = testing::udp4(1000);  // 13 fragments, 12 to make
    TestBatch batch({f, testing::udp4(10)});
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(p.sent(batch).size(), limit < 12 ? 1u : 14u) << limit;
    const std::string why = limit < 12 ? "no_frames" : "none";
    EXPECT_EQ(p.reason(batch.batch, 0), why);
    for (const auto& c : p.maker.made) EXPECT_EQ(p.reason(c->frames.batch, 0), why) << "taken back, seen by nobody";
  }
  EXPECT_EQ(p.counter("f", "no_frames"), 12u);
  EXPECT_EQ(p.counter("f", "fragmented"), 1u);
}

TEST(IPFragmenter, DropsWhatCannotBe) {
  Bytes longer = testing::udp4(200), beyond = testing::udp4(200), option = testing::udp4(200);
  longer[17]++;
  testing::fix_checksum(longer);
  beyond[20] = 0x1f, beyond[21] = 0xff;  // ends at 65528 + 208
  testing::fix_checksum(beyond);
  option[14] = 0x46, option[34] = 7, option[35] = 9;
  testing::fix_checksum(option);
  TestPipeline p(config(100));
  TestBatch batch({longer, beyond, option});
  ASSERT_TRUE(p.run(batch.batch));
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(p.reason(batch.batch, i), "bad_ip_header") << i;
  EXPECT_EQ(p.counter("f", "bad"), 3u);
  EXPECT_TRUE(p.maker.made.empty());
}

TEST(IPFragmenter, RefusesMoreFragmentsThanItHasRoomFor) {
  TestPipeline p(config(68));
  p.maker.limit = 2000;
  TestBatch most({testing::udp4(48 * 256 - 8)});
  ASSERT_TRUE(p.run(most.batch));
  EXPECT_EQ(p.sent(most).size(), 256u);
  TestBatch more({testing::udp4(48 * 256 - 7)});
  ASSERT_TRUE(p.run(more.batch));
  EXPECT_EQ(p.reason(more.batch, 0), "too_many_fragments");
}

TEST(IPFragmenter, WorksWithoutAnEthernetHeader) {
  const Bytes f = testing::udp4(200);
  TestPipeline p("FromPort(x) -> Strip(14) -> IPFragmenter(MTU 100) -> CheckIPHeader -> ToPort(y);");
  TestBatch batch({f});
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(reassemble(p.sent(batch), 100, 0).payload, Bytes(f.begin() + 34, f.end()));
}

TEST(IPFragmenter, SaysWhatIsWrong) {
  for (const char* args : {"", "(MTU 67)", "(65536)", "(MTU x)"}) {
    TestPipeline p("FromPort(x) -> IPFragmenter" + std::string(args) + " -> ToPort(y);");
    EXPECT_FALSE(p.graph) << args;
    EXPECT_NE(p.diag.text().find("number from 68 to 65535"), std::string::npos) << p.diag.text();
  }
}

TEST(IPFragmenter, SurvivesHostilePackets) {
  testing::Hostile hostile;
  TestPipeline p(
      "FromPort(x) -> f :: IPFragmenter(MTU 68) -> c :: CheckL4Checksum -> ToPort(y);"
      "f[1] -> ToPort(y); c[1] -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  hostile.run(p, 6000);
  EXPECT_GT(p.counter("f", "fragmented"), 100u);
}

}  // namespace
}  // namespace fulcrum
