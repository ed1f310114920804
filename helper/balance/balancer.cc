// SPDX-License-Identifier: MIT
// balancer.cc - the loop: observe, ask the policy, plan the moves, apply, remember why.
#include "balance/balancer.h"

#include <algorithm>
#include <numeric>

#include "base/log.h"

namespace fulcrum {
namespace {

constexpr std::uint32_t kLoadScale = 16;  // Entry::load keeps fractions of a packet

double mpps_of(const PortSample& sample) {
  std::uint64_t pkts = 0;
  for (const TierSample& tier : sample.tier) pkts += tier.retired_pkts;
  return sample.interval_ns ? static_cast<double>(pkts) * 1e3 / static_cast<double>(sample.interval_ns) : 0;
}

std::string tier_names(const PortSample& sample) {
  std::string out;
  for (const TierSample& tier : sample.tier)
    if (!tier.name.empty()) out += (out.empty() ? "" : ", ") + tier.name;
  return out;
}

Error ratio_error(std::string text) { return Error{"ratio: " + std::move(text)}; }

// Shares by name -> split of this port.
Result<TierPermille> resolve(const BalanceView& view, const std::vector<TierShare>& shares) {
  TierPermille out{};
  std::uint64_t sum = 0;
  for (const TierShare& share : shares) {
    auto found = std::find_if(view.sample.tier.begin(), view.sample.tier.end(),
                              [&](const TierSample& tier) { return !tier.name.empty() && tier.name == share.tier; });
    if (found == view.sample.tier.end())
      return ratio_error("unknown tier '" + share.tier + "': port " + view.port + " has " + tier_names(view.sample));
    if (share.permille && !found->eligible)
      return ratio_error("tier '" + share.tier + "' cannot take packets of " + view.port + ": " + found->why +
                         ", give its share to another tier");
    std::uint32_t& slot = out[static_cast<std::size_t>(found - view.sample.tier.begin())];
    if (slot) return ratio_error("tier '" + share.tier + "' given twice: name each tier once");
    slot = share.permille;
    sum += share.permille;
  }
  if (sum != kPermille)
    return ratio_error("shares add up to " + std::to_string(sum) + ": they are permille and must add up to 1000");
  return out;
}

void count_buckets(const BucketTiers& tiers, BalanceView& view) {
  view.buckets = {};
  for (fulcrum_tier tier : tiers)
    if (tier < FULCRUM_TIERS) view.buckets[tier]++;
}

}  // namespace

std::vector<Balancer::Entry*> Balancer::select(std::string_view port) {
  std::vector<Entry*> out;
  for (auto& e : entries_)
    if (port.empty() || e->view.port == port) out.push_back(e.get());
  return out;
}

Error Balancer::no_port(std::string_view port) const {
  std::string known;
  for (const auto& e : entries_) known += (known.empty() ? "" : ", ") + e->view.port;
  return ratio_error("unknown port '" + std::string(port) + "': the helper has " + (known.empty() ? "none" : known) +
                     ", name one of the pipeline's ports");
}

void Balancer::observe(Entry& e) {
  e.view.sample = e.port->sample();
  BucketLoad fresh{};
  e.port->buckets(e.tiers, fresh);
  for (unsigned b = 0; b < FULCRUM_BUCKETS; b++) {  // a quarter new: a burst alone moves nothing
    std::uint64_t packets = std::min<std::uint64_t>(fresh[b], UINT32_MAX / kLoadScale);
    e.load[b] = static_cast<std::uint32_t>((std::uint64_t{e.load[b]} * 3 + packets * kLoadScale) / 4);
  }
  count_buckets(e.tiers, e.view);
  e.view.split = split_of(e.tiers, e.load);
}

void Balancer::act(Entry& e, const PolicyAnswer& answer, std::uint64_t now_ns) {
  TierPermille target = keep_eligible(answer.permille, e.view.sample);
  std::vector<BucketMove> moves = plan_moves(e.tiers, e.load, target, options_.limits);
  if (moves.empty() && target == e.view.target) return;
  BalanceDecision d{now_ns,
                    e.policy->name,
                    mpps_of(e.view.sample),
                    e.view.split,
                    target,
                    e.view.split,
                    static_cast<std::uint32_t>(moves.size()),
                    answer.why};
  BucketTiers next = e.tiers;
  for (const BucketMove& move : moves) next[move.bucket] = move.to;
  if (!moves.empty()) {
    if (auto done = e.port->apply(moves, split_of(next, BucketLoad{})); !done) {
      d.moves = 0;
      d.why += "; not applied: " + done.error().text;
      log_warn("balancer: " + e.view.port + ": " + done.error().text);
    } else {
      e.tiers = next;
      e.view.moves_total += moves.size();
      count_buckets(e.tiers, e.view);
      e.view.split = d.after = split_of(e.tiers, e.load);
    }
  }
  e.view.target = target;
  e.view.last.push_back(std::move(d));
  while (e.view.last.size() > options_.keep_decisions) e.view.last.pop_front();
}

void Balancer::add_port(BalancerPort* port) {
  auto e = std::make_unique<Entry>();
  e->port = port;
  e->policy = find_policy("fixed");
  e->view.port = port->name();
  e->view.policy = e->policy->name;
  observe(*e);
  e->state.fixed[base_tier(e->view.sample)] = kPermille;
  act(*e, {e->state.fixed, true, "start: all on the cheapest eligible tier"}, clock_ns_);
  entries_.push_back(std::move(e));
}

void Balancer::remove_port(std::string_view port) {
  std::erase_if(entries_, [&](const auto& e) { return e->view.port == port; });
}

Result<void> Balancer::set_fixed(std::string_view port, const std::vector<TierShare>& shares) {
  std::vector<Entry*> chosen = select(port);
  if (chosen.empty()) return no_port(port);
  std::vector<TierPermille> splits;
  for (Entry* e : chosen) {  // all of them are checked before one changes
    auto split = resolve(e->view, shares);
    if (!split) return split.error();
    splits.push_back(*split);
  }
  for (std::size_t i = 0; i < chosen.size(); i++) {
    Entry& e = *chosen[i];
    e.policy = find_policy("fixed");
    e.view.policy = e.policy->name;
    e.state.fixed = splits[i];
    observe(e);
    act(e, {splits[i], true, "set by `ratio set`"}, clock_ns_);
  }
  return {};
}

Result<void> Balancer::set_auto(std::string_view port, std::string_view policy) {
  const PolicyRow* row = find_policy(policy);
  if (!row) return ratio_error("unknown policy '" + std::string(policy) + "': choose one of " + policy_names());
  std::vector<Entry*> chosen = select(port);
  if (chosen.empty()) return no_port(port);
  for (Entry* e : chosen) {
    e->policy = row;
    e->view.policy = row->name;
    e->state.climb = HillClimb{};
    e->state.fixed = e->view.target;  // policy fixed without shares: stays where it is
  }
  return {};
}

void Balancer::tick(std::uint64_t now_ns) {
  clock_ns_ = now_ns;
  for (auto& e : entries_) {
    if (!e->last_ns || now_ns < e->last_ns) e->last_ns = now_ns;
    if (now_ns - e->last_ns < options_.interval_ns) continue;
    e->last_ns = now_ns;
    observe(*e);
    act(*e, e->policy->decide(e->state, e->view.sample, e->view.target), now_ns);
  }
}

void Balancer::refresh(std::uint64_t now_ns) {
  clock_ns_ = now_ns;
  for (auto& e : entries_) {
    observe(*e);
    act(*e, {keep_eligible(e->view.target, e->view.sample), true, "eligible tiers changed"}, now_ns);
  }
}

Result<std::vector<BalanceView>> Balancer::view(std::string_view port) const {
  std::vector<BalanceView> out;
  for (const auto& e : entries_)
    if (port.empty() || e->view.port == port) out.push_back(e->view);
  if (out.empty() && !port.empty()) return no_port(port);
  return out;
}

}  // namespace fulcrum
