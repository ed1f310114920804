// SPDX-License-Identifier: MIT
// ether_mirror_test.cc - EtherMirror: which port in which mode, whose addresses, what is refused.
#include "pipeline/elements/packet/ether_mirror.h"

#include <gtest/gtest.h>

#include "pipeline/elements/packet/test_frames.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

const std::string kFour = "FromPort(x) -> m; FromPort(y) -> m; FromPort(z) -> m; FromPort(w) -> m; m -> ToPort;";

std::vector<std::uint16_t> ports_of(TestPipeline& p, std::uint16_t in_port, unsigned packets) {
  TestBatch batch(std::vector<Bytes>(packets, testing::udp4()), in_port);
  EXPECT_TRUE(p.run(batch.batch));
  std::vector<std::uint16_t> ports;
  for (unsigned i = 0; i < packets; ++i)
    ports.push_back(batch.batch.verdict[i] == Verdict::kTx ? batch.batch.out_port[i] : kNoPort);
  return ports;
}

using Ports = std::vector<std::uint16_t>;

TEST(EtherMirror, EchoesOutOfThePortItCameInBy) {
  TestPipeline p("m :: EtherMirror; " + kFour);
  ASSERT_TRUE(p.graph) << p.diag.text();
  for (std::uint16_t port = 0; port < 4; ++port) EXPECT_EQ(ports_of(p, port, 2), Ports(2, port));
  EXPECT_EQ(p.counter("m", "packets"), 8u);
}

TEST(EtherMirror, SwapsAddressesUnlessTheyAreKept) {
  TestPipeline swap("m :: EtherMirror(MODE echo); " + kFour), keep("m :: EtherMirror(ADDRESSES keep); " + kFour);
  const Bytes f = testing::udp4();
  TestBatch one({f}), other({f});
  ASSERT_TRUE(swap.run(one.batch));
  ASSERT_TRUE(keep.run(other.batch));
  Bytes back = f;
  std::copy_n(f.begin(), 6, back.begin() + 6);
  std::copy_n(f.begin() + 6, 6, back.begin());
  EXPECT_EQ(one.leaving(0), back);
  EXPECT_EQ(other.leaving(0), f);
}

TEST(EtherMirror, CrossesPairs) {
  TestPipeline p("m :: EtherMirror(MODE cross, PORTS x y w z); " + kFour);
  ASSERT_TRUE(p.graph) << p.diag.text();
  const std::uint16_t w = 3, z = 2;  // by first mention: x y w z -> 0 1 2 3
  EXPECT_EQ(ports_of(p, 0, 1), Ports{1});
  EXPECT_EQ(ports_of(p, 1, 1), Ports{0});
  EXPECT_EQ(ports_of(p, z, 1), Ports{w});
  EXPECT_EQ(ports_of(p, w, 1), Ports{z});
}

TEST(EtherMirror, CrossDropsWhatCameFromElsewhere) {
  TestPipeline p("m :: EtherMirror(MODE cross, PORTS x y); " + kFour);
  TestBatch batch({testing::udp4()}, 2);
  ASSERT_TRUE(p.run(batch.batch));
  EXPECT_EQ(p.reason(batch.batch, 0), "no_port");
  EXPECT_EQ(p.counter("m", "no_port"), 1u);
}

TEST(EtherMirror, GoesRoundByPacketOrByBatch) {
  TestPipeline p("m :: EtherMirror(MODE round_robin, PORTS x y z); " + kFour);
  EXPECT_EQ(ports_of(p, 0, 4), (Ports{0, 1, 2, 0}));
  EXPECT_EQ(ports_of(p, 3, 3), (Ports{1, 2, 0}));
  TestPipeline batches("m :: EtherMirror(MODE round_robin_batch, PORTS x y z); " + kFour);
  EXPECT_EQ(ports_of(batches, 0, 2), (Ports{0, 0}));
  EXPECT_EQ(ports_of(batches, 0, 2), (Ports{1, 1}));
  EXPECT_EQ(ports_of(batches, 0, 2), (Ports{2, 2}));
  EXPECT_EQ(ports_of(batches, 0, 1), (Ports{0}));
}

TEST(EtherMirror, GoesOnWhereItWasWhenAPipelineIsLoaded) {
  TestPipeline before("m :: EtherMirror(MODE round_robin, PORTS x y z); " + kFour);
  TestPipeline after("m :: EtherMirror(MODE round_robin, PORTS x y z); " + kFour);
  ports_of(before, 0, 2);
  after.graph->adopt(*before.graph);
  EXPECT_EQ(ports_of(after, 0, 2), (Ports{2, 0}));
}

TEST(EtherMirror, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"MODE back", "cannot be 'back'"},
      {"PORTS x y", "no meaning with MODE echo"},
      {"MODE cross", "needs PORTS"},
      {"MODE cross, PORTS x y z", "one name is left over"},
      {"MODE cross, PORTS x x", "name a port twice"},
      {"MODE round_robin, PORTS x", "2 to 64 names"},
      {"ADDRESSES drop", "cannot be 'drop'"},
  };
  for (const auto& [args, text] : cases) {
    TestPipeline p("FromPort(x) -> EtherMirror(" + std::string(args) + ") -> ToPort;");
    EXPECT_FALSE(p.graph) << args;
    EXPECT_NE(p.diag.text().find(text), std::string::npos) << p.diag.text();
  }
}

}  // namespace
}  // namespace fulcrum
