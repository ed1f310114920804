// SPDX-License-Identifier: MIT
// assign.cc - largest surplus, largest deficit, the bucket that fits best; until the split is near.
#include "balance/assign.h"

#include <algorithm>
#include <cstdlib>

namespace fulcrum {
namespace {

using Weights = std::array<std::int64_t, FULCRUM_BUCKETS>;
using TierWeights = std::array<std::int64_t, FULCRUM_TIERS>;

// All idle buckets together weigh at most 1/16 of the load: they follow the
// ratio without hiding what the busy ones do.
Weights weigh(const BucketLoad& load) {
  std::int64_t total = 0;
  for (std::uint32_t packets : load) total += packets;
  Weights out;
  std::int64_t floor = std::max<std::int64_t>(1, total);
  for (unsigned b = 0; b < FULCRUM_BUCKETS; b++) out[b] = std::int64_t{load[b]} * 16 * FULCRUM_BUCKETS + floor;
  return out;
}

bool is_tier(fulcrum_tier tier) { return tier < FULCRUM_TIERS; }

struct Plan {
  BucketTiers tiers;
  Weights weight;
  TierWeights excess{};  // held - wanted
  std::int64_t total = 0;

  std::int64_t permille(std::uint32_t p) const { return total / kPermille * p + total % kPermille * p / kPermille; }
  void shift(unsigned bucket, fulcrum_tier to) {
    if (is_tier(tiers[bucket])) excess[tiers[bucket]] -= weight[bucket];
    excess[to] += weight[bucket];
    tiers[bucket] = to;
  }
};

Plan make_plan(const BucketTiers& now, const BucketLoad& load, const TierPermille& target) {
  Plan plan{now, weigh(load)};
  for (unsigned b = 0; b < FULCRUM_BUCKETS; b++) {
    plan.total += plan.weight[b];
    if (is_tier(now[b])) plan.excess[now[b]] += plan.weight[b];
  }
  for (unsigned t = 0; t < FULCRUM_TIERS; t++) plan.excess[t] -= plan.permille(target[t]);
  return plan;
}

fulcrum_tier neediest(const Plan& plan, const TierPermille& target) {
  int best = -1;
  for (unsigned t = 0; t < FULCRUM_TIERS; t++)
    if (target[t] && (best < 0 || plan.excess[t] < plan.excess[best])) best = static_cast<int>(t);
  return static_cast<fulcrum_tier>(best);
}

// Buckets of tiers that shall hold nothing, heaviest first.
void evacuate(Plan& plan, const TierPermille& target) {
  std::vector<unsigned> homeless;
  for (unsigned b = 0; b < FULCRUM_BUCKETS; b++)
    if (!is_tier(plan.tiers[b]) || !target[plan.tiers[b]]) homeless.push_back(b);
  std::stable_sort(homeless.begin(), homeless.end(),
                   [&](unsigned x, unsigned y) { return plan.weight[x] > plan.weight[y]; });
  for (unsigned b : homeless) plan.shift(b, neediest(plan, target));
}

bool near_target(const Plan& plan, const TierPermille& target, std::uint32_t tolerance_permille) {
  for (unsigned t = 0; t < FULCRUM_TIERS; t++) {
    std::int64_t slack = plan.permille(std::min(tolerance_permille, target[t] / 2));
    if (target[t] && std::llabs(plan.excess[t]) > slack) return false;
  }
  return true;
}

struct Candidate {
  int bucket = -1;
  fulcrum_tier to = FULCRUM_TIER_PASS;
  std::int64_t gain = 0;
};

// What a move takes off |excess| of both tiers together.
std::int64_t gain_of(const Plan& plan, unsigned bucket, fulcrum_tier to) {
  std::int64_t w = plan.weight[bucket], from = plan.excess[plan.tiers[bucket]], into = plan.excess[to];
  return std::llabs(from) + std::llabs(into) - std::llabs(from - w) - std::llabs(into + w);
}

Candidate best_move(const Plan& plan, const TierPermille& target) {
  Candidate best;
  for (unsigned t = 0; t < FULCRUM_TIERS; t++) {
    if (!target[t] || plan.excess[t] >= 0) continue;
    for (unsigned b = 0; b < FULCRUM_BUCKETS; b++) {
      if (plan.excess[plan.tiers[b]] <= 0) continue;
      std::int64_t gain = gain_of(plan, b, static_cast<fulcrum_tier>(t));
      if (gain > best.gain) best = {static_cast<int>(b), static_cast<fulcrum_tier>(t), gain};
    }
  }
  return best;
}

}  // namespace

std::vector<BucketMove> plan_moves(const BucketTiers& now, const BucketLoad& load, const TierPermille& target,
                                   const AssignLimits& limits) {
  if (std::all_of(target.begin(), target.end(), [](std::uint32_t p) { return p == 0; })) return {};
  Plan plan = make_plan(now, load, target);
  evacuate(plan, target);
  // Once past the tolerance, go all the way: stopping at its edge would move again next time.
  if (!near_target(plan, target, limits.tolerance_permille)) {
    std::int64_t min_gain = plan.permille(limits.min_gain_permille);
    for (unsigned round = 0; round < FULCRUM_BUCKETS; round++) {
      Candidate move = best_move(plan, target);
      if (move.bucket < 0 || move.gain < min_gain) break;
      plan.shift(static_cast<unsigned>(move.bucket), move.to);
    }
  }
  std::vector<BucketMove> moves;
  for (unsigned b = 0; b < FULCRUM_BUCKETS; b++)
    if (plan.tiers[b] != now[b]) moves.push_back({static_cast<std::uint8_t>(b), now[b], plan.tiers[b]});
  return moves;
}

TierPermille split_of(const BucketTiers& now, const BucketLoad& load) {
  Plan plan = make_plan(now, load, TierPermille{});
  TierPermille out{};
  std::uint32_t left = kPermille, largest = 0;
  for (unsigned t = 0; t < FULCRUM_TIERS; t++) {
    out[t] = static_cast<std::uint32_t>(plan.excess[t] * kPermille / plan.total);
    left -= out[t];
    if (plan.excess[t] > plan.excess[largest]) largest = t;
  }
  out[largest] += left;  // rounding: the split always adds up to 1000
  return out;
}

}  // namespace fulcrum
