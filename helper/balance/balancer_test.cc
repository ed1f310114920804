// SPDX-License-Identifier: MIT
// balancer_test.cc - the whole loop against modelled tiers, in virtual time.
#include "balance/balancer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace fulcrum {
namespace {

constexpr std::uint64_t kRoundNs = 200'000'000;

// Tiers with a capacity each, offered load spread evenly over the buckets.
class ModelPort : public BalancerPort {
 public:
  double offered_pps = 3e6;
  std::array<double, FULCRUM_TIERS> capacity_pps{};
  std::array<std::string, FULCRUM_TIERS> refusal;
  BucketTiers where{};
  int applied = 0;

  ModelPort() {
    capacity_pps[FULCRUM_TIER_CPU] = 1e6;
    capacity_pps[FULCRUM_TIER_DEV0] = 1e6;
    refusal[FULCRUM_TIER_INLINE] = "PayloadMatch 'pm' has no inline form";
  }
  std::string name() const override { return "eth0"; }
  double share(unsigned tier) const {
    return static_cast<double>(std::count(where.begin(), where.end(), static_cast<fulcrum_tier>(tier))) /
           FULCRUM_BUCKETS;
  }
  double throughput_pps() const {
    double sum = 0;
    for (unsigned t = 0; t < FULCRUM_TIERS; t++) sum += std::min(share(t) * offered_pps, capacity_pps[t]);
    return sum;
  }
  PortSample sample() override {
    PortSample s;
    s.interval_ns = kRoundNs;
    for (unsigned t = 0; t < FULCRUM_TIERS; t++) {
      if (capacity_pps[t] <= 0 && refusal[t].empty()) continue;
      TierSample& tier = s.tier[t];
      tier.name = t == FULCRUM_TIER_DEV0 ? "manycore" : tier_default_name(t);
      tier.why = refusal[t];
      tier.eligible = tier.why.empty();
      tier.arrivals_pkts = static_cast<std::uint64_t>(share(t) * offered_pps * 0.2);
      tier.retired_pkts = static_cast<std::uint64_t>(std::min(share(t) * offered_pps, capacity_pps[t]) * 0.2);
    }
    return s;
  }
  void buckets(BucketTiers& tiers, BucketLoad& load) override {
    tiers = where;
    load.fill(static_cast<std::uint32_t>(offered_pps * 0.2 / FULCRUM_BUCKETS));
  }
  Result<void> apply(const std::vector<BucketMove>& moves, const TierPermille& split) override {
    std::uint32_t sum = 0;
    for (std::uint32_t p : split) sum += p;
    EXPECT_EQ(sum, kPermille);
    for (const BucketMove& m : moves) {
      EXPECT_TRUE(refusal[m.to].empty());
      where[m.bucket] = m.to;
    }
    applied++;
    return {};
  }
};

double average_share_of_best(ModelPort& port, Balancer& balancer, std::uint64_t from_round, int rounds,
                             double best_pps) {
  double sum = 0;
  for (int i = 0; i < rounds; i++) {
    balancer.tick((from_round + static_cast<std::uint64_t>(i)) * kRoundNs);
    sum += port.throughput_pps();
  }
  return sum / rounds / best_pps;
}

TEST(Balancer, StartsAllOnCpu) {
  ModelPort port;
  Balancer balancer;
  balancer.add_port(&port);
  EXPECT_EQ(port.share(FULCRUM_TIER_CPU), 1.0);
}

TEST(Balancer, HillClimbSettlesNearTheOptimum) {
  for (double device_pps : {0.3e6, 1e6, 2.5e6}) {
    SCOPED_TRACE(device_pps);
    ModelPort port;
    port.capacity_pps[FULCRUM_TIER_DEV0] = device_pps;
    port.offered_pps = 1e6 + device_pps;  // one split only is best
    Balancer balancer;
    balancer.add_port(&port);
    ASSERT_TRUE(balancer.set_auto("eth0", "hillclimb"));
    average_share_of_best(port, balancer, 1, 1000, port.offered_pps);
    EXPECT_GT(average_share_of_best(port, balancer, 1001, 500, port.offered_pps), 0.95);
  }
}

TEST(Balancer, HillClimbFindsTheUsefulOneOfTwoDevices) {
  ModelPort port;
  port.capacity_pps[FULCRUM_TIER_DEV0] = 1e3;  // useless
  port.capacity_pps[FULCRUM_TIER_DEV1] = 1e6;
  port.offered_pps = 2e6;
  Balancer balancer;
  balancer.add_port(&port);
  ASSERT_TRUE(balancer.set_auto("", "hillclimb"));
  average_share_of_best(port, balancer, 1, 2000, 2e6);
  EXPECT_GT(average_share_of_best(port, balancer, 2001, 500, 2e6), 0.9);
}

TEST(Balancer, HillClimbStaysCheapWhenCpuIsEnough) {
  ModelPort port;
  port.offered_pps = 0.5e6;
  Balancer balancer;
  balancer.add_port(&port);
  ASSERT_TRUE(balancer.set_auto("eth0", "hillclimb"));
  for (std::uint64_t r = 1; r < 500; r++) {
    balancer.tick(r * kRoundNs);
    ASSERT_GE(port.share(FULCRUM_TIER_CPU), 0.95);
  }
}

TEST(Balancer, IdlePortStaysAsItIs) {
  ModelPort port;
  port.offered_pps = 0;
  Balancer balancer;
  balancer.add_port(&port);
  ASSERT_TRUE(balancer.set_auto("eth0", "hillclimb"));
  int before = port.applied;
  for (std::uint64_t r = 1; r < 100; r++) balancer.tick(r * kRoundNs);
  EXPECT_EQ(port.applied, before);
}

TEST(Balancer, FixedHoldsItsSplitWithoutFurtherMoves) {
  ModelPort port;
  Balancer balancer;
  balancer.add_port(&port);
  ASSERT_TRUE(balancer.set_fixed("eth0", {{"cpu", 700}, {"manycore", 300}}));
  EXPECT_NEAR(port.share(FULCRUM_TIER_DEV0), 0.3, 0.01);
  int before = port.applied;
  for (std::uint64_t r = 1; r < 50; r++) balancer.tick(r * kRoundNs);
  EXPECT_EQ(port.applied, before);
  auto view = balancer.view("eth0");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->at(0).last.back().why, "set by `ratio set`");
}

TEST(Balancer, LostDeviceIsEmptiedAndGivenBack) {
  ModelPort port;
  Balancer balancer;
  balancer.add_port(&port);
  ASSERT_TRUE(balancer.set_fixed("eth0", {{"cpu", 500}, {"manycore", 500}}));
  port.refusal[FULCRUM_TIER_DEV0] = "device manycore is lost";
  balancer.refresh(kRoundNs);
  EXPECT_EQ(port.share(FULCRUM_TIER_CPU), 1.0);
  port.refusal[FULCRUM_TIER_DEV0].clear();
  for (std::uint64_t r = 2; r < 5; r++) balancer.tick(r * kRoundNs);
  EXPECT_NEAR(port.share(FULCRUM_TIER_DEV0), 0.5, 0.01);
}

TEST(Balancer, RefusesWrongSplits) {
  ModelPort port;
  Balancer balancer;
  balancer.add_port(&port);
  auto text = [&](const char* name, std::vector<TierShare> shares) {
    auto done = balancer.set_fixed(name, shares);
    return done ? std::string() : done.error().text;
  };
  EXPECT_NE(text("eth0", {{"cpu", 900}}).find("add up to 900"), std::string::npos);
  EXPECT_NE(text("eth0", {{"gpu", 1000}}).find("unknown tier 'gpu': port eth0 has inline, cpu, manycore"),
            std::string::npos);
  EXPECT_NE(text("eth0", {{"inline", 1000}}).find("PayloadMatch 'pm' has no inline form"), std::string::npos);
  EXPECT_NE(text("eth0", {{"cpu", 500}, {"cpu", 500}}).find("given twice"), std::string::npos);
  EXPECT_NE(text("eth9", {{"cpu", 1000}}).find("unknown port 'eth9'"), std::string::npos);
  auto policy = balancer.set_auto("eth0", "magic");
  ASSERT_FALSE(policy);
  EXPECT_NE(policy.error().text.find("fixed, hillclimb"), std::string::npos);
  EXPECT_EQ(port.share(FULCRUM_TIER_CPU), 1.0);
}

TEST(Balancer, ClockThatJumpsBackDoesNotStopIt) {
  ModelPort port;
  Balancer balancer;
  balancer.add_port(&port);
  ASSERT_TRUE(balancer.set_auto("eth0", "hillclimb"));
  balancer.tick(1'000 * kRoundNs);
  int before = port.applied;
  for (std::uint64_t r = 1; r < 20; r++) balancer.tick(r * kRoundNs);
  EXPECT_GT(port.applied, before);
}

TEST(HillClimb, WaitsLongerTheMoreIsOffloaded) {
  struct Row {
    std::uint32_t cpu_permille, rounds;
  };
  for (Row row : {Row{900, 2}, Row{640, 8}, Row{440, 16}, Row{150, 32}}) {
    PolicyState state;
    PortSample sample;
    sample.interval_ns = kRoundNs;
    for (unsigned t : {FULCRUM_TIER_CPU, FULCRUM_TIER_DEV0}) {
      sample.tier[t].name = tier_default_name(t);
      sample.tier[t].eligible = true;
      sample.tier[t].retired_pkts = 1000;
    }
    TierPermille now{};
    now[FULCRUM_TIER_CPU] = row.cpu_permille;
    now[FULCRUM_TIER_DEV0] = 1000 - row.cpu_permille;
    PolicyAnswer first = decide_hillclimb(state, sample, now);
    ASSERT_TRUE(first.stepped);
    std::uint32_t rounds = 1;
    while (!decide_hillclimb(state, sample, first.permille).stepped) rounds++;
    EXPECT_EQ(rounds, row.rounds) << "at " << row.cpu_permille;
  }
}

}  // namespace
}  // namespace fulcrum
