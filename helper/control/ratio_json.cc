// SPDX-License-Identifier: MIT
// ratio_json.cc - BalanceView -> JSON.
#include "control/ratio_json.h"

#include <boost/json.hpp>

namespace fulcrum {
namespace {

namespace json = boost::json;

std::string tier_name(const PortSample& sample, unsigned tier) {
  return sample.tier[tier].name.empty() ? tier_default_name(tier) : sample.tier[tier].name;
}

json::object split_json(const PortSample& sample, const TierPermille& split) {
  json::object out;
  for (unsigned t = 0; t < FULCRUM_TIERS; t++)
    if (split[t]) out[tier_name(sample, t)] = split[t];
  return out;
}

json::object tier_json(const BalanceView& view, unsigned t) {
  const TierSample& tier = view.sample.tier[t];
  json::object out{{"tier", tier_name(view.sample, t)}, {"eligible", tier.eligible}};
  if (!tier.eligible) out["why"] = tier.why;
  out["target_permille"] = view.target[t];
  out["permille"] = view.split[t];
  out["buckets"] = view.buckets[t];
  double interval_ns = static_cast<double>(view.sample.interval_ns);
  out["mpps"] = interval_ns > 0 ? static_cast<double>(tier.retired_pkts) * 1e3 / interval_ns : 0.0;
  out["dropped"] = tier.dropped_pkts;
  out["queue_pkts"] = tier.queue_pkts;
  out["busy_permille"] = tier.busy_permille;
  out["service_ns"] = tier.service_ns_per_pkt;
  if (tier.latency_p50_ns) out["p50_us"] = static_cast<double>(tier.latency_p50_ns) / 1e3;
  if (tier.latency_p99_ns) out["p99_us"] = static_cast<double>(tier.latency_p99_ns) / 1e3;
  return out;
}

json::object decision_json(const BalanceView& view, const BalanceDecision& d) {
  return {{"when_ns", d.when_ns},
          {"policy", d.policy},
          {"mpps", d.seen_mpps},
          {"moves", d.moves},
          {"why", d.why},
          {"before", split_json(view.sample, d.before)},
          {"target", split_json(view.sample, d.target)},
          {"after", split_json(view.sample, d.after)}};
}

json::object view_json(const BalanceView& view) {
  json::array tiers, last;
  for (unsigned t = 0; t < FULCRUM_TIERS; t++)
    if (!view.sample.tier[t].name.empty() || view.buckets[t]) tiers.push_back(tier_json(view, t));
  for (const BalanceDecision& d : view.last) last.push_back(decision_json(view, d));
  return {{"port", view.port},
          {"policy", view.policy},
          {"moves", view.moves_total},
          {"tiers", std::move(tiers)},
          {"last", std::move(last)}};
}

}  // namespace

Result<json::value> ratio_json(const Balancer& balancer, std::string_view port) {
  auto views = balancer.view(port);
  if (!views) return views.error();
  json::array ports;
  for (const BalanceView& view : *views) ports.push_back(view_json(view));
  return json::value(json::object{{"ports", std::move(ports)}});
}

}  // namespace fulcrum
