// SPDX-License-Identifier: MIT
// assign_test.cc - what any plan of moves must keep, over random loads.
#include "balance/assign.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace fulcrum {
namespace {

BucketTiers all_on(fulcrum_tier tier) {
  BucketTiers out;
  out.fill(tier);
  return out;
}

BucketTiers carry_out(BucketTiers tiers, const std::vector<BucketMove>& moves) {
  for (const BucketMove& m : moves) {
    EXPECT_EQ(tiers[m.bucket], m.from);
    EXPECT_NE(m.from, m.to);
    tiers[m.bucket] = m.to;
  }
  return tiers;
}

std::uint32_t seed() {
  const char* given = std::getenv("FULCRUM_SEED");
  std::uint32_t value = given ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 0)) : std::random_device{}();
  ::testing::Test::RecordProperty("seed", std::to_string(value));
  return value;
}

TEST(Assign, IdlePortFollowsTheRatio) {
  TierPermille target{};
  target[FULCRUM_TIER_CPU] = 700;
  target[FULCRUM_TIER_DEV0] = 300;
  auto moves = plan_moves(all_on(FULCRUM_TIER_CPU), BucketLoad{}, target);
  EXPECT_NEAR(static_cast<double>(moves.size()), 256 * 0.3, 1.5);
  TierPermille split = split_of(carry_out(all_on(FULCRUM_TIER_CPU), moves), BucketLoad{});
  EXPECT_NEAR(split[FULCRUM_TIER_CPU], 700, 4);
}

TEST(Assign, SmallDeviationMovesNothing) {
  BucketTiers now = all_on(FULCRUM_TIER_CPU);
  for (int b = 0; b < 77; b++) now[b] = FULCRUM_TIER_DEV0;  // 301 permille
  TierPermille target{};
  target[FULCRUM_TIER_CPU] = 706;
  target[FULCRUM_TIER_DEV0] = 294;
  EXPECT_TRUE(plan_moves(now, BucketLoad{}, target).empty());
}

TEST(Assign, TierWithoutShareIsEmptiedWhateverTheTolerance) {
  BucketTiers now = all_on(FULCRUM_TIER_CPU);
  now[9] = FULCRUM_TIER_DEV1;  // 4 permille of an idle port
  TierPermille target{};
  target[FULCRUM_TIER_CPU] = 1000;
  auto moves = plan_moves(now, BucketLoad{}, target, {.tolerance_permille = 500});
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].bucket, 9);
}

TEST(Assign, EmptyTargetMovesNothing) {
  EXPECT_TRUE(plan_moves(all_on(FULCRUM_TIER_CPU), BucketLoad{}, TierPermille{}).empty());
}

TEST(Assign, OneElephantMovesOnlyWhereItFits) {
  BucketLoad load{};
  load[3] = 1'000'000;
  TierPermille target{};
  target[FULCRUM_TIER_CPU] = 800;
  target[FULCRUM_TIER_DEV0] = 200;
  BucketTiers next = carry_out(all_on(FULCRUM_TIER_CPU), plan_moves(all_on(FULCRUM_TIER_CPU), load, target));
  EXPECT_EQ(next[3], FULCRUM_TIER_CPU);
}

TEST(Assign, RandomLoadsReachTheTargetOnceAndStay) {
  std::uint32_t s = seed();
  SCOPED_TRACE("FULCRUM_SEED=" + std::to_string(s));
  std::mt19937 random(s);
  for (int round = 0; round < 300; round++) {
    BucketTiers now;
    BucketLoad load;
    std::uint32_t total = 0, heaviest = 0;
    for (unsigned b = 0; b < FULCRUM_BUCKETS; b++) {
      now[b] = static_cast<fulcrum_tier>(random() % FULCRUM_TIERS);
      load[b] = random() % 4 ? random() % 1000 : 0;
      total += load[b];
      heaviest = std::max(heaviest, load[b]);
    }
    TierPermille target{};
    std::uint32_t left = 1000;
    for (unsigned t = FULCRUM_TIER_INLINE; t < FULCRUM_TIER_DEV1; t++)
      left -= target[t] = random() % 5 ? random() % (left + 1) : 0;
    target[FULCRUM_TIER_DEV1] = left;

    auto moves = plan_moves(now, load, target);
    auto again = plan_moves(now, load, target);
    ASSERT_EQ(moves.size(), again.size());
    BucketTiers next = carry_out(now, moves);
    for (unsigned b = 0; b < FULCRUM_BUCKETS; b++) ASSERT_NE(target[next[b]], 0u) << "bucket on a tier without a share";
    // Off by at most the tolerance, the heaviest bucket and rounding.
    TierPermille split = split_of(next, load);
    for (unsigned t = 0; t < FULCRUM_TIERS; t++)
      ASSERT_NEAR(split[t], target[t], 12.0 + 1000.0 * heaviest / total) << "tier " << t;
    ASSERT_TRUE(plan_moves(next, load, target).empty()) << "a second plan must have nothing to do";
  }
}

TEST(Assign, FewestMovesOnEqualLoad) {
  BucketLoad load;
  load.fill(100);
  TierPermille target{};
  target[FULCRUM_TIER_CPU] = 500;
  target[FULCRUM_TIER_DEV0] = 500;
  EXPECT_EQ(plan_moves(all_on(FULCRUM_TIER_CPU), load, target).size(), 128u);
}

}  // namespace
}  // namespace fulcrum
