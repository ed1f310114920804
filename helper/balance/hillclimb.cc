// SPDX-License-Identifier: MIT
// hillclimb.cc - NBA's adaptive balancer as a pure function.
// Source: J. Kim et al., "NBA (Network Balancing Act)", EuroSys 2015, section 3.4.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "balance/policy.h"

namespace fulcrum {
namespace {

constexpr std::uint32_t kStepPermille = 40;
constexpr std::uint32_t kFineStepPermille = 20;  // after a reversal: near the top
constexpr double kLevel = 0.005;                 // throughput within 0.5 % counts as level
constexpr std::uint32_t kReversalsPerTier = 2;   // then the next tier's turn
constexpr std::uint32_t kRoundsAtRest = 32;      // at an end where a step away brought nothing

// Rounds to wait: offloaded work comes back late and jitters more the more there is.
std::uint32_t rounds_to_wait(std::uint32_t base_permille) {
  struct Row {
    std::uint32_t from_permille, rounds;
  };
  static constexpr Row kRows[] = {{700, 2}, {500, 8}, {200, 16}, {0, 32}};
  for (const Row& row : kRows)
    if (base_permille >= row.from_permille) return row.rounds;
  return 32;
}

// The eligible tier after `last`, in order of fulcrum_tier, base left out; PASS: there is none.
fulcrum_tier next_other(const PortSample& sample, fulcrum_tier base, fulcrum_tier last) {
  for (unsigned i = 1; i <= FULCRUM_TIERS; i++) {
    unsigned t = (last + i) % FULCRUM_TIERS;
    if (t != FULCRUM_TIER_PASS && t != base && sample.tier[t].eligible) return static_cast<fulcrum_tier>(t);
  }
  return FULCRUM_TIER_PASS;
}

std::string mpps(double pps) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f Mpps", pps / 1e6);
  return text;
}

// +1 rises, 0 level, -1 falls.
int trend(double pps, double last_pps) {
  if (std::fabs(pps - last_pps) <= kLevel * std::max(pps, last_pps)) return 0;
  return pps > last_pps ? +1 : -1;
}

std::uint64_t retired_pkts(const PortSample& sample) {
  std::uint64_t sum = 0;
  for (const TierSample& tier : sample.tier) sum += tier.retired_pkts;
  return sum;
}

void reverse(HillClimb& climb) {
  climb.direction = -climb.direction;
  climb.step_permille = kFineStepPermille;
  climb.reversals++;
}

enum class Choice { kSame, kNew, kNone };

// Keeps the tier in hand while it is eligible and its turn is not over.
Choice choose_other(HillClimb& climb, const PortSample& sample, fulcrum_tier base) {
  bool usable = climb.other != FULCRUM_TIER_PASS && climb.other != base && sample.tier[climb.other].eligible;
  if (usable && climb.reversals < kReversalsPerTier) return Choice::kSame;
  fulcrum_tier next = next_other(sample, base, climb.other);
  if (usable && next == climb.other) {  // the only one: go on
    climb.reversals = 0;
    return Choice::kSame;
  }
  climb = HillClimb{.other = next, .last_pps = climb.last_pps};
  return next == FULCRUM_TIER_PASS ? Choice::kNone : Choice::kNew;
}

// Moves up to a step between base and other; false: at the end of the range.
bool take_step(HillClimb& climb, TierPermille& split, fulcrum_tier base) {
  fulcrum_tier from = climb.direction > 0 ? base : climb.other;
  fulcrum_tier to = climb.direction > 0 ? climb.other : base;
  std::uint32_t amount = std::min(climb.step_permille, split[from]);
  split[from] -= amount;
  split[to] += amount;
  return amount != 0;
}

// Judges the last step by the throughput since.
std::string judge(HillClimb& climb, double pps) {
  std::string seen = mpps(climb.last_pps) + " -> " + mpps(pps);
  int way = trend(pps, climb.last_pps);
  if (way > 0) {
    climb.step_permille = kStepPermille;
    return seen + ": rises, direction kept";
  }
  if (way < 0) {
    reverse(climb);
    return seen + ": falls, direction reversed";
  }
  if (climb.direction > 0) reverse(climb);
  return seen + ": level, towards the cheaper tier";
}

// Throughput of the window that ends now, in packets a second.
double close_window(HillClimb& climb) {
  double pps =
      climb.window_ns ? static_cast<double>(climb.window_pkts) * 1e9 / static_cast<double>(climb.window_ns) : 0;
  climb.window_pkts = climb.window_ns = 0;
  return pps;
}

PolicyAnswer step(HillClimb& climb, const PortSample& sample, PolicyAnswer answer, double pps) {
  fulcrum_tier base = base_tier(sample);
  Choice choice = choose_other(climb, sample, base);
  if (choice == Choice::kNone) {
    answer.why = "only one eligible tier";
    return answer;
  }
  if (climb.last_pps <= 0 || choice == Choice::kNew)
    answer.why = "tries " + sample.tier[climb.other].name + " at " + mpps(pps);
  else
    answer.why = judge(climb, pps);
  climb.last_pps = pps;
  answer.stepped = take_step(climb, answer.permille, base);
  climb.rounds_left = rounds_to_wait(answer.permille[base]);
  if (!answer.stepped) {
    climb.direction = -climb.direction;
    climb.rounds_left = kRoundsAtRest;
    answer.why += "; at the end of the range, rests";
  }
  return answer;
}

}  // namespace

PolicyAnswer decide_hillclimb(PolicyState& state, const PortSample& sample, const TierPermille& now) {
  HillClimb& climb = state.climb;
  PolicyAnswer answer{keep_eligible(now, sample), false, ""};
  if (answer.permille != now) {
    climb = HillClimb{};
    answer.stepped = true;
    answer.why = std::string("a tier is no longer eligible, its share goes to ") + tier_default_name(base_tier(sample));
    return answer;
  }
  climb.window_pkts += retired_pkts(sample);
  climb.window_ns += sample.interval_ns;
  if (climb.rounds_left > 1) {
    climb.rounds_left--;
    answer.why = "waits " + std::to_string(climb.rounds_left) + " more rounds";
    return answer;
  }
  double pps = close_window(climb);
  if (pps > 0) return step(climb, sample, std::move(answer), pps);
  climb.last_pps = 0;
  answer.why = "no traffic";
  return answer;
}

}  // namespace fulcrum
