// SPDX-License-Identifier: MIT
// policy.cc - table of policies, and the rules all of them share.
#include "balance/policy.h"

namespace fulcrum {
namespace {

constexpr PolicyRow kPolicies[] = {
    {"fixed", decide_fixed, "the split given by `ratio set`"},
    {"hillclimb", decide_hillclimb, "NBA's: small steps, kept while throughput rises"},
};

}  // namespace

std::span<const PolicyRow> policies() { return kPolicies; }

const PolicyRow* find_policy(std::string_view name) {
  for (const PolicyRow& row : kPolicies)
    if (row.name == name) return &row;
  return nullptr;
}

std::string policy_names() {
  std::string out;
  for (const PolicyRow& row : kPolicies) out += (out.empty() ? "" : ", ") + std::string(row.name);
  return out;
}

fulcrum_tier base_tier(const PortSample& sample) {
  static constexpr fulcrum_tier kOrder[] = {FULCRUM_TIER_CPU, FULCRUM_TIER_INLINE, FULCRUM_TIER_DEV0, FULCRUM_TIER_DEV1,
                                            FULCRUM_TIER_DEV2};
  for (fulcrum_tier tier : kOrder)
    if (sample.tier[tier].eligible) return tier;
  return FULCRUM_TIER_PASS;
}

TierPermille keep_eligible(const TierPermille& wanted, const PortSample& sample) {
  TierPermille out{};
  std::uint32_t given = 0;
  for (unsigned t = 0; t < FULCRUM_TIERS; t++)
    if (sample.tier[t].eligible) given += out[t] = wanted[t] <= kPermille - given ? wanted[t] : kPermille - given;
  out[base_tier(sample)] += kPermille - given;
  return out;
}

PolicyAnswer decide_fixed(PolicyState& state, const PortSample& sample, const TierPermille& now) {
  PolicyAnswer answer{keep_eligible(state.fixed, sample), false, "as set"};
  if (answer.permille == now) return answer;
  answer.stepped = true;
  for (unsigned t = 0; t < FULCRUM_TIERS; t++)
    if (state.fixed[t] && !sample.tier[t].eligible)
      answer.why = std::string(tier_default_name(t)) + " is not eligible, its share goes to " +
                   tier_default_name(base_tier(sample));
  return answer;
}

}  // namespace fulcrum
