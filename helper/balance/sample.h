// SPDX-License-Identifier: MIT
// sample.h - what the balancer sees of a port: one record a tier and interval.
//
// Plain data, made by the helper, read by policies. Counters are deltas over
// interval_ns, so that a policy needs no clock and no memory of totals.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "fulcrum.h"

namespace fulcrum {

// Indexed by fulcrum_tier; a whole split adds up to 1000.
using TierPermille = std::array<std::uint32_t, FULCRUM_TIERS>;
inline constexpr std::uint32_t kPermille = 1000;

struct TierSample {
  std::string name;                      // "inline", "cpu", "manycore"; empty: this port has no such tier
  bool eligible = false;                 // may hold buckets
  std::string why;                       // why not eligible: "PayloadMatch 'pm' has no inline form"
  std::uint64_t arrivals_pkts = 0;       // steered to the tier
  std::uint64_t retired_pkts = 0;        // left it with a verdict
  std::uint64_t dropped_pkts = 0;        // no credit, no socket, ring full
  std::uint64_t bytes = 0;               // of retired_pkts
  std::uint32_t queue_pkts = 0;          // waiting at the end of the interval
  std::uint32_t service_ns_per_pkt = 0;  // 0: not known
  std::uint64_t latency_p50_ns = 0;      // receive to retire; 0: no stamped packet
  std::uint64_t latency_p99_ns = 0;
  std::uint32_t busy_permille = 0;  // of the interval in which the tier worked
};

struct PortSample {
  std::uint64_t interval_ns = 0;
  std::array<TierSample, FULCRUM_TIERS> tier;  // indexed by fulcrum_tier
};

// Name as used in messages where a port gives its tier none.
inline const char* tier_default_name(unsigned tier) {
  static constexpr const char* kNames[FULCRUM_TIERS] = {"pass", "inline", "cpu", "dev0", "dev1", "dev2"};
  return tier < FULCRUM_TIERS ? kNames[tier] : "?";
}

}  // namespace fulcrum
