// SPDX-License-Identifier: MIT
// elements_test.cc - ports, rewriting, counting: the small elements.
#include <gtest/gtest.h>

#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

Bytes addresses(const Bytes& frame) { return {frame.begin(), frame.begin() + 12}; }
Bytes behind_addresses(const Bytes& frame) { return {frame.begin() + 12, frame.end()}; }

TEST(ToPort, SendsOnAFixedPortWithTheAddresses) {
  TestPipeline p("FromPort(x) -> t :: ToPort(y);");
  TestBatch batch({testing::udp4(), testing::udp4(), Bytes(14, 9)});
  batch.batch.l2[0] = {{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}, 3};
  batch.batch.l2[1] = {{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}, 1};
  const Bytes before = batch.frame(1);
  ASSERT_TRUE(p.run(batch.batch));
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(batch.batch.out_port[i], 1);
  EXPECT_EQ(addresses(batch.leaving(0)), Bytes({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(addresses(batch.leaving(1)), Bytes({1, 2, 3, 4, 5, 6, 2, 0, 0, 0, 0, 2}));
  EXPECT_EQ(behind_addresses(batch.leaving(1)), behind_addresses(before));
  EXPECT_EQ(batch.frame(1), before) << "written before it left";
  EXPECT_EQ(p.counter("t", "packets"), 3u);
  EXPECT_EQ(p.counter("t", "bytes"), 2 * before.size() + 14);
}

TEST(ToPort, WithoutNameTakesTheRoutedPortOrDrops) {
  TestPipeline p("FromPort(x) -> ToPort;");
  TestBatch batch({testing::udp4(), testing::udp4()});
  batch.batch.out_port[1] = 5;
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.batch.verdict[0], Verdict::kDrop);
  EXPECT_EQ(p.reason(batch.batch, 0), "no_port");
  EXPECT_EQ(batch.batch.verdict[1], Verdict::kTx);
  EXPECT_EQ(batch.batch.out_port[1], 5);
}

TEST(ToPort, LeavesFramesTooShortForAddressesAlone) {
  TestPipeline p("FromPort(x) -> ToPort(y);");
  TestBatch batch({Bytes(11, 1), Bytes()});
  batch.batch.l2[0].valid = batch.batch.l2[1].valid = 3;
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.leaving(0), Bytes(11, 1));
}

// Addresses of a next hop are for the wire; what Linux is to see is what arrived,
// but for an EtherRewrite that the packet passed.
TEST(ToKernel, TakesAddressesOnlyWhereTheyHoldAlways) {
  TestPipeline p("FromPort(x) -> ToKernel;");
  TestBatch batch({testing::udp4(), testing::udp4()});
  batch.batch.l2[0] = {{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}, kL2Dst | kL2Src};
  batch.batch.l2[1] = {{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}, kL2Dst | kL2Src | kL2Always};
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.leaving(0), testing::udp4());
  EXPECT_EQ(addresses(batch.leaving(1)), Bytes({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
}

TEST(ToKernel, KeepsAnEarlierReason) {
  TestPipeline p("FromPort(x) -> k :: ToKernel;");
  TestBatch batch({testing::udp4(), testing::udp4()});
  batch.batch.reason[1] = p.setup.reason("noted");
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(batch.batch.verdict[0], Verdict::kKernel);
  EXPECT_EQ(p.reason(batch.batch, 0), "to_kernel");
  EXPECT_EQ(p.reason(batch.batch, 1), "noted");
  EXPECT_EQ(p.counter("k", "packets"), 2u);
}

TEST(Discard, CountsUnderItsReason) {
  for (const auto& [args, want] :
       {std::pair{"", "noted"}, {"(REASON bad_word)", "bad_word"}, {"(bad_word)", "bad_word"}}) {
    TestPipeline p(std::string("FromPort(x) -> d :: Discard") + args + ";");
    ASSERT_TRUE(p.graph) << p.diag.text();
    TestBatch batch({testing::udp4()});
    batch.batch.reason[0] = p.setup.reason("noted");
    ASSERT_TRUE(p.run(batch.batch));
    EXPECT_EQ(batch.batch.verdict[0], Verdict::kDrop);
    EXPECT_EQ(p.reason(batch.batch, 0), want);
    EXPECT_EQ(p.counter("d", "packets"), 1u);
  }
  EXPECT_FALSE(TestPipeline("FromPort(x) -> Discard(REASON \"a b\");").diag.ok());
  EXPECT_FALSE(TestPipeline("FromPort(x) -> Discard(REASON a, REASON b);").diag.ok());
}

TEST(Counter, CountsPacketsAndBytes) {
  TestPipeline p("FromPort(x) -> c :: Counter -> Discard;");
  TestBatch batch({Bytes(60, 0), Bytes(100, 0)});
  ASSERT_TRUE(p.run(batch.batch));
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(p.counter("c", "packets"), 4u);
  EXPECT_EQ(p.counter("c", "bytes"), 320u);
}

TEST(EtherRewrite, SetsEachAddressThatIsGiven) {
  TestPipeline both("FromPort(x) -> EtherRewrite(SRC 02:00:00:00:00:0a, DST ff:FF:00:00:00:0b) -> ToPort(y);");
  TestBatch batch({testing::udp4(), Bytes(11, 1)});
  const Bytes before = batch.frame(0);
  ASSERT_TRUE(both.run(batch.batch));
  EXPECT_EQ(addresses(batch.leaving(0)), Bytes({255, 255, 0, 0, 0, 11, 2, 0, 0, 0, 0, 10}));
  EXPECT_EQ(behind_addresses(batch.leaving(0)), behind_addresses(before));
  EXPECT_EQ(batch.leaving(1), Bytes(11, 1));
  TestPipeline one("FromPort(x) -> EtherRewrite(DST 02:00:00:00:00:0a) -> ToPort(y);");
  TestBatch other({testing::udp4()});
  ASSERT_TRUE(one.run(other.batch));
  EXPECT_EQ(other.leaving(0)[5], 10);
  EXPECT_EQ(other.leaving(0)[11], 2);
  TestPipeline up("FromPort(x) -> EtherRewrite(DST 02:00:00:00:00:0a) -> ToKernel;");
  TestBatch kernel({testing::udp4()});
  ASSERT_TRUE(up.run(kernel.batch));
  EXPECT_EQ(kernel.leaving(0)[5], 10);
  EXPECT_FALSE(TestPipeline("FromPort(x) -> EtherRewrite -> ToPort(y);").diag.ok());
  EXPECT_FALSE(TestPipeline("FromPort(x) -> EtherRewrite(SRC 02-00-00-00-00-0a) -> ToPort(y);").diag.ok());
}

}  // namespace
}  // namespace fulcrum
