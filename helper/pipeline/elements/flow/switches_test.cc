// SPDX-License-Identifier: MIT
// switches_test.cc - size, hash, round robin, random, paint, tee: which packet goes where.
#include <gtest/gtest.h>

#include <set>

#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

std::string discards(unsigned n) {
  std::string text;
  for (unsigned k = 0; k < n; ++k) text += "s[" + std::to_string(k) + "] -> Discard(o" + std::to_string(k) + ");";
  return text;
}
// The outputs that the packets of a batch took, of `s` in front of discards(n).
std::vector<int> taken(TestPipeline& p, TestBatch& t) {
  EXPECT_TRUE(p.run(t.batch));
  std::vector<int> out;
  for (unsigned i = 0; i < t.batch.count; ++i) out.push_back(std::stoi(p.reason(t.batch, i).substr(1)));
  return out;
}
Bytes flow(unsigned id) {
  Bytes f = testing::udp4();
  testing::put16(f, 28, id);
  testing::put16(f, 34, 1024 + id % 100);
  return f;
}
bool refuses(const std::string& config, const std::string& why) {
  TestPipeline p(config);
  EXPECT_NE(p.diag.text().find(why), std::string::npos) << p.diag.text();
  return !p.graph;
}

TEST(PacketSizeClassifier, LimitsBelongToTheirOutput) {
  TestPipeline p("FromPort(x) -> s :: PacketSizeClassifier(64, 128B, 1KiB);" + discards(4));
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch t({Bytes(), Bytes(64), Bytes(65), Bytes(128), Bytes(129), Bytes(1024), Bytes(1025)});
  EXPECT_EQ(taken(p, t), std::vector<int>({0, 0, 1, 1, 2, 2, 3}));
  EXPECT_TRUE(refuses("FromPort(x) -> s :: PacketSizeClassifier(64, 64);" + discards(3), "sizes ascend"));
  EXPECT_TRUE(refuses("FromPort(x) -> s :: PacketSizeClassifier;" + discards(1), "a size is missing"));
}

TEST(HashSwitch, KeepsFlowsTogetherAndUsesAllOutputs) {
  TestPipeline p("FromPort(x) -> s :: HashSwitch(N 7);" + discards(7));
  ASSERT_TRUE(p.graph) << p.diag.text();
  std::vector<unsigned> load(7);
  for (unsigned id = 0; id < 64 * 70; id += 32) {
    TestBatch t({});
    for (unsigned k = 0; k < 32; ++k) t.add(flow(id + k)), t.add(flow(id + k));
    const std::vector<int> out = taken(p, t);
    for (unsigned k = 0; k < 64; k += 2) EXPECT_EQ(out[k], out[k + 1]);
    for (int o : out) ++load[static_cast<unsigned>(o)];
  }
  // 4480 flows over 7: 640 each, standard deviation 23.
  for (unsigned l : load) EXPECT_NEAR(l / 2.0, 640, 140);
}

TEST(HashSwitch, BothDirectionsMeet) {
  TestPipeline p("FromPort(x) -> s :: HashSwitch(N 64, FIELDS flow);" + discards(64));
  for (unsigned id = 0; id < 100; ++id) {
    const Bytes f = flow(id);
    Bytes back = f;
    std::copy_n(f.begin() + 26, 4, back.begin() + 30), std::copy_n(f.begin() + 30, 4, back.begin() + 26);
    std::copy_n(f.begin() + 34, 2, back.begin() + 36), std::copy_n(f.begin() + 36, 2, back.begin() + 34);
    TestBatch t({f, back});
    const std::vector<int> out = taken(p, t);
    EXPECT_EQ(out[0], out[1]);
  }
}

TEST(HashSwitch, BytesAloneDecide) {
  TestPipeline p("FromPort(x) -> s :: HashSwitch(N 64, OFFSET 20, LENGTH 11);" + discards(64));
  ASSERT_TRUE(p.graph) << p.diag.text();
  std::set<int> outputs;
  for (unsigned v = 0; v < 64; ++v) {
    Bytes one(60, 1), other(40, 1);
    one[20 + v % 11] = other[20 + v % 11] = static_cast<std::uint8_t>(v);
    one[19] = one[31] = 0xee;
    TestBatch t({one, other});
    const std::vector<int> out = taken(p, t);
    EXPECT_EQ(out[0], out[1]);
    outputs.insert(out[0]);
  }
  EXPECT_GT(outputs.size(), 20u);
  TestBatch cut({Bytes(), Bytes(20), Bytes(21), Bytes(30)});
  const std::vector<int> out = taken(p, cut);
  EXPECT_EQ(out[0], out[1]) << "neither has any of the bytes";
}

TEST(HashSwitch, SeedsChooseAnew) {
  TestPipeline p(
      "FromPort(x) -> s :: HashSwitch(N 2); s[0] -> i :: HashSwitch(N 2, SEED 1); s[1] -> Discard(o9);"
      "i[0] -> Discard(o0); i[1] -> Discard(o1);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  unsigned count[10] = {};
  for (unsigned id = 0; id < 6400; id += 64) {
    TestBatch t({});
    for (unsigned k = 0; k < 64; ++k) t.add(flow(id + k));
    for (int o : taken(p, t)) ++count[o];
  }
  EXPECT_NEAR(count[0], 1600, 200);
  EXPECT_NEAR(count[1], 1600, 200);
}

TEST(HashSwitch, RefusesHalfOfARange) {
  EXPECT_TRUE(refuses("FromPort(x) -> s :: HashSwitch(N 2, OFFSET 3);" + discards(2), "go together"));
  EXPECT_TRUE(refuses("FromPort(x) -> s :: HashSwitch(OFFSET 3, LENGTH 2);" + discards(2), "N, the number of outputs"));
  EXPECT_TRUE(refuses("FromPort(x) -> s :: HashSwitch(N 65);" + discards(2), "from 2 to 64"));
}

TEST(RoundRobinSwitch, GoesRoundAndGoesOnBehindASwap) {
  const std::string text = "FromPort(x) -> s :: RoundRobinSwitch(3);" + discards(3);
  TestPipeline p(text), next(text);
  TestBatch t(std::vector<Bytes>(4, Bytes(60)));
  EXPECT_EQ(taken(p, t), std::vector<int>({0, 1, 2, 0}));
  next.graph->adopt(*p.graph);
  TestBatch u(std::vector<Bytes>(4, Bytes(60)));
  EXPECT_EQ(taken(next, u), std::vector<int>({1, 2, 0, 1}));
}

std::vector<int> random_ways(TestPipeline& p, unsigned batches) {
  std::vector<int> all;
  for (unsigned k = 0; k < batches; ++k) {
    TestBatch t(std::vector<Bytes>(64, Bytes(60)));
    const std::vector<int> out = taken(p, t);
    all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}

TEST(RandomSwitch, WeightsHoldAndSeedsRepeat) {
  const std::string text = "FromPort(x) -> s :: RandomSwitch(60, 0, 40, SEED 7);" + discards(3);
  TestPipeline p(text), same(text), other("FromPort(x) -> s :: RandomSwitch(60, 0, 40, SEED 8);" + discards(3));
  const std::vector<int> ways = random_ways(p, 200);
  EXPECT_EQ(ways, random_ways(same, 200));
  EXPECT_NE(ways, random_ways(other, 200));
  // 12800 packets: 7680 expected, standard deviation 55.
  EXPECT_NEAR(std::count(ways.begin(), ways.end(), 0), 7680, 330);
  EXPECT_EQ(std::count(ways.begin(), ways.end(), 1), 0);
}

TEST(RandomSwitch, SequenceGoesOnBehindASwap) {
  const std::string text = "FromPort(x) -> s :: RandomSwitch(1, 1);" + discards(2);
  TestPipeline p(text), next(text), whole(text);
  std::vector<int> ways = random_ways(p, 2);
  next.graph->adopt(*p.graph);
  const std::vector<int> rest = random_ways(next, 2);
  ways.insert(ways.end(), rest.begin(), rest.end());
  EXPECT_EQ(ways, random_ways(whole, 4));
}

TEST(RandomSwitch, RefusesWeightsThatLetNothingThrough) {
  EXPECT_TRUE(refuses("FromPort(x) -> s :: RandomSwitch(0, 0);" + discards(2), "all weights are 0"));
  EXPECT_TRUE(refuses("FromPort(x) -> s :: RandomSwitch(1);" + discards(1), "one weight is no choice"));
  EXPECT_TRUE(refuses("FromPort(x) -> s :: RandomSwitch(1, -1);" + discards(2), "from 0 to 1000000"));
}

TEST(Paint, ColoursAndTellsThemApart) {
  TestPipeline p(
      "FromPort(x) -> c :: Classifier(12/0800, -); c[0] -> Paint(3) -> s :: CheckPaint(3); c[1] -> s;"
      "s[0] -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch t({testing::udp4(), testing::udp6()});
  ASSERT_TRUE(p.run(t.batch));
  EXPECT_EQ(t.batch.verdict[0], Verdict::kTx);
  EXPECT_EQ(p.reason(t.batch, 1), "other_paint");
  EXPECT_TRUE(refuses("FromPort(x) -> Paint(256) -> Discard;", "from 0 to 255"));
}

TEST(Tee, CopiesShareNothing) {
  TestPipeline p(
      "FromPort(x) -> EtherRewrite(DST 02:00:00:00:00:09) -> Paint(5) -> s :: Tee(3);"
      "s[0] -> DecIPTTL -> ToPort(x); s[1] -> CheckPaint(5) -> ToPort(y); s[2] -> Discard(o2);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch t({testing::udp4(22, 64), testing::udp4(100, 9)});
  const Bytes first = t.frame(0), second = t.frame(1);
  ASSERT_TRUE(p.run(t.batch));
  const auto sent = p.sent(t);
  ASSERT_EQ(sent.size(), 4u);
  for (unsigned k = 0; k < 4; ++k) EXPECT_EQ(sent[k].second[5], 9) << "the new address goes with the copy";
  const auto behind = [](const Bytes& f) { return Bytes(f.begin() + 14, f.end()); };
  EXPECT_EQ(sent[0].first, 0);
  EXPECT_EQ(sent[0].second[22], 63);
  EXPECT_EQ(sent[1].first, 1);
  EXPECT_EQ(behind(sent[1].second), behind(first)) << "the copy has not seen DecIPTTL";
  EXPECT_EQ(sent[2].second[22], 8);
  EXPECT_EQ(behind(sent[3].second), behind(second));
  EXPECT_EQ(p.counter("s", "copies"), 4u);
  EXPECT_EQ(p.counter("s", "no_room"), 0u);
}

TEST(Tee, PacketsGoOnWhereThereIsNoRoom) {
  TestPipeline p("FromPort(x) -> s :: Tee; s[0] -> ToPort(x); s[1] -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  p.maker.limit = 2;
  TestBatch t(std::vector<Bytes>(5, testing::udp4()));
  ASSERT_TRUE(p.run(t.batch));
  for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(t.batch.verdict[i], Verdict::kTx);
  EXPECT_EQ(p.counter("s", "copies"), 2u);
  EXPECT_EQ(p.counter("s", "no_room"), 3u);
}

}  // namespace
}  // namespace fulcrum
