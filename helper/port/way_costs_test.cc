// SPDX-License-Identifier: MIT
// way_costs_test.cc - costs as they are seen -> the way chosen.
#include "port/way_costs.h"

#include <gtest/gtest.h>

#include <random>

namespace fulcrum {
namespace {

// How many of 1,000 bursts of this size go live.
unsigned live_of_1000(WayCosts c, unsigned packets) {
  unsigned live = 0;
  for (int i = 0; i < 1000; ++i) live += c.choose(packets) == Way::kLive;
  return live;
}

TEST(WayCosts, UnmeasuredTakesLiveForLongBursts) {
  WayCosts c;
  EXPECT_LT(live_of_1000(c, 23), 10u);
  EXPECT_GT(live_of_1000(c, 24), 990u);
  EXPECT_EQ(c.live_from(), 32u) << "of the classes 1, 2, 4 …";
}

TEST(WayCosts, TakesTheCheaperWayAndTriesTheOther) {
  WayCosts c;
  c.assume(Way::kLive, 20'000, 32, 20'000 + 31 * 300);  // 20 us a call
  c.assume(Way::kRing, 1'500, 32, 32 * 1'500);
  for (unsigned packets : {1u, 2u, 8u}) EXPECT_EQ(live_of_1000(c, packets), 3u) << packets;  // one try in 256
  for (unsigned packets : {32u, 64u, 256u}) EXPECT_EQ(live_of_1000(c, packets), 997u) << packets;
  EXPECT_EQ(c.live_from(), 32u);
}

TEST(WayCosts, SpreadsAFixedPriceAndOneAPacket) {
  WayCosts c;
  c.assume(Way::kLive, 10'100, 32, 10'000 + 32 * 100);
  EXPECT_NEAR(c.live[0], 10'100, 1);
  EXPECT_NEAR(c.live[4], 10'000.0 / 16 + 100, 1);
  c.assume(Way::kRing, 5'000, 32, 4'000);  // a disturbed measurement: nothing below nothing
  for (float cost : c.ring) EXPECT_GE(cost, 1.0f);
}

TEST(WayCosts, NeverAndAlways) {
  WayCosts c;
  c.live.fill(100), c.ring.fill(50);
  EXPECT_EQ(c.live_from(), 0u);
  c.ring.fill(200);
  EXPECT_EQ(c.live_from(), 1u);
}

TEST(WayCosts, FollowsWhatItSees) {
  WayCosts c;
  c.live.fill(100), c.ring.fill(200);
  for (int i = 0; i < 100; ++i) c.learn(Way::kLive, 64, 64 * 1'000);
  EXPECT_EQ(live_of_1000(c, 64), 3u) << "live frames became dear";
  EXPECT_EQ(live_of_1000(c, 1), 997u) << "bursts of another size did not";
  c.learn(Way::kLive, 64, 64 * 100);
  c.learn(Way::kLive, 64, 64 * 100);
  c.learn(Way::kLive, 64, 64 * 100);
  EXPECT_GT(c.live[6], 100.0f);
  EXPECT_LT(c.live[6], 250.0f) << "a shorter time is believed soon";
}

TEST(WayCosts, OneOutlierMovesNothing) {
  WayCosts c;
  c.live.fill(100), c.ring.fill(200);
  c.learn(Way::kLive, 256, 256 * 1'000);
  EXPECT_EQ(live_of_1000(c, 256), 997u);
}

// With noise of a factor two on both, the way that is a third cheaper wins.
TEST(WayCosts, FindsTheCheaperWayThroughNoise) {
  const std::uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> noise(1, 2);
  WayCosts c;
  unsigned live = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Way way = c.choose(32);
    c.learn(way, 32, static_cast<std::uint64_t>(32 * noise(random) * (way == Way::kLive ? 600 : 900)));
    live += way == Way::kLive;
  }
  EXPECT_GT(live, 18'000u);
}

}  // namespace
}  // namespace fulcrum
