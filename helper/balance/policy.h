// SPDX-License-Identifier: MIT
// policy.h - sample -> the split wanted next. Pure: no clock, no lock, no log.
//
//   fixed      the user's split; shares of tiers that are not eligible go to
//              the cheapest eligible one
//   hillclimb  the adaptive balancer of NBA (Kim et al., "NBA (Network Balancing
//              Act)", EuroSys 2015, section 3.4): change the share by a small
//              step, keep the direction while throughput rises, reverse it when
//              it falls, wait longer the more is offloaded
//
// Additions to hillclimb, needed because there are more than two tiers here:
// with several eligible tiers it climbs between the base tier (cpu where
// eligible) and one other tier at a time and goes on to the next after two
// reversals. While throughput stays level it walks towards the base tier,
// the cheaper one; an idle port stays as it is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "balance/sample.h"

namespace fulcrum {

struct HillClimb {
  fulcrum_tier other = FULCRUM_TIER_PASS;  // climbed against the base tier; PASS: none chosen yet
  int direction = +1;                      // +1: towards `other`, -1: towards the base tier
  std::uint32_t step_permille = 40;        // 40, after a reversal 20
  std::uint32_t reversals = 0;             // since `other` was chosen
  std::uint32_t rounds_left = 0;           // to wait before the next step
  std::uint64_t window_pkts = 0;           // retired since the last step
  std::uint64_t window_ns = 0;
  double last_pps = 0;  // of the window before; 0: none
};

struct PolicyState {
  TierPermille fixed{};
  HillClimb climb;
};

struct PolicyAnswer {
  TierPermille permille{};
  bool stepped = false;  // false: waits or has nothing to say, permille as before
  std::string why;
};

// A policy is a row: name and function. `now` is the target in force.
using PolicyFunction = PolicyAnswer (*)(PolicyState& state, const PortSample& sample, const TierPermille& now);
struct PolicyRow {
  const char* name;
  PolicyFunction decide;
  const char* help;
};
std::span<const PolicyRow> policies();
const PolicyRow* find_policy(std::string_view name);  // null: none
std::string policy_names();                           // "fixed, hillclimb"

PolicyAnswer decide_fixed(PolicyState& state, const PortSample& sample, const TierPermille& now);
PolicyAnswer decide_hillclimb(PolicyState& state, const PortSample& sample, const TierPermille& now);

// The tier that takes what no other may hold: cpu, inline, dev0.. , else pass.
fulcrum_tier base_tier(const PortSample& sample);

// `wanted` with the shares of tiers that are not eligible given to base_tier().
TierPermille keep_eligible(const TierPermille& wanted, const PortSample& sample);

}  // namespace fulcrum
