// SPDX-License-Identifier: MIT
// assign.h - target split + load per bucket -> the fewest bucket moves.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "balance/sample.h"

namespace fulcrum {

using BucketTiers = std::array<fulcrum_tier, FULCRUM_BUCKETS>;
using BucketLoad = std::array<std::uint32_t, FULCRUM_BUCKETS>;  // packets in a recent interval

struct BucketMove {
  std::uint8_t bucket;
  fulcrum_tier from;
  fulcrum_tier to;
};

struct AssignLimits {
  std::uint32_t tolerance_permille = 10;  // a split this near its target stays
  std::uint32_t min_gain_permille = 2;    // a move that gains less is not made
};

// Moves that bring the split near `target`, heaviest bucket first, deterministic.
// `target` adds up to 1000 and is 0 for tiers that may not hold buckets: such a
// tier is always emptied, whatever the tolerance, and never moved to.
// All buckets count a little, so that an idle port follows the ratio too.
std::vector<BucketMove> plan_moves(const BucketTiers& now, const BucketLoad& load, const TierPermille& target,
                                   const AssignLimits& limits = {});

// The split as it stands, weighted as plan_moves() weighs.
TierPermille split_of(const BucketTiers& now, const BucketLoad& load);

}  // namespace fulcrum
