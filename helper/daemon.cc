// SPDX-License-Identifier: MIT
// daemon.cc - requests of the control socket -> the running helper.
#include "daemon.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "control/ratio_json.h"
#include "stats_json.h"

namespace fulcrum {
namespace {

Balancer::Options options_of(const HelperConfig& c) {
  Balancer::Options o;
  o.interval_ns = std::uint64_t{c.balance.interval_ms} * 1'000'000;
  return o;
}

}  // namespace

Daemon::Daemon(Runtime& rt, Loop& loop, Registry& registry, std::string pipeline_file)
    : rt_(rt),
      loop_(loop),
      registry_(registry),
      pipeline_file_(std::move(pipeline_file)),
      balancer_(options_of(rt.config())) {
  for (std::size_t i = 0; i < rt_.ports().size(); ++i) {
    if (!rt_.ports()[i].receives) continue;
    ports_.push_back(std::make_unique<RunningPort>(rt_, static_cast<std::uint16_t>(i)));
    balancer_.add_port(ports_.back().get());
  }
}

Result<void> Daemon::begin() {
  if (auto ok = first_split(""); !ok) return ok;
  NetlinkRoutes& routes = rt_.routes();
  local_version_ = routes.local_version();
  routes.on_change([this] {
    if (rt_.routes().local_version() == local_version_) return;
    local_version_ = rt_.routes().local_version();
    if (auto ok = rt_.sync_local_addresses(); !ok) log_error(ok.error().text);
  });
  if (auto ok = loop_.watch(routes.fd(), [this] { rt_.routes().on_readable(); }); !ok) return ok;
  loop_.every(std::uint64_t{rt_.config().balance.interval_ms} * 1'000'000, [this] {
    if (rt_.supervisor().tick(now_ns())) balancer_.refresh(now_ns());
    balancer_.tick(now_ns());
    rt_.settle();
  });
  loop_.every(1'000'000'000, [this] { rt_.check_arrivals(); });
  return {};
}

// Empty `port`: all.
Result<void> Daemon::first_split(std::string_view port) {
  const BalanceConfig& b = rt_.config().balance;
  if (!b.permille.empty())
    if (auto ok = balancer_.set_fixed(port, b.permille); !ok) return ok;
  if (b.policy != "fixed") return balancer_.set_auto(port, b.policy);
  return {};
}

ControlApi::Reply Daemon::port_list() { return ports_json(rt_); }

ControlApi::Reply Daemon::pipeline_show(bool dot) {
  if (dot) {
    std::vector<const Graph*> graphs;
    for (auto& w : rt_.workers()) graphs.push_back(&w->graph());
    return boost::json::value(boost::json::object{{"dot", Graph::dot(graphs)}});
  }
  return nodes_json(rt_, pipeline_file_);
}

ControlApi::Reply Daemon::ratio_show(std::string_view port) { return ratio_json(balancer_, port); }

ControlApi::Reply Daemon::ratio_set(std::string_view port, const std::vector<TierShare>& shares) {
  if (auto ok = balancer_.set_fixed(port, shares); !ok) return ok.error();
  return ratio_json(balancer_, port);
}

ControlApi::Reply Daemon::ratio_auto(std::string_view port, std::string_view policy) {
  if (auto ok = balancer_.set_auto(port, policy); !ok) return ok.error();
  return ratio_json(balancer_, port);
}

ControlApi::Reply Daemon::stats() { return stats_json(rt_); }
ControlApi::Reply Daemon::device_list() { return devices_json(rt_); }

ControlApi::Reply Daemon::device_set(std::string_view device, bool enabled) {
  for (auto& d : rt_.devices()) {
    if (d.config.name != device) continue;
    d.enabled = enabled;
    balancer_.refresh(now_ns());
    return devices_json(rt_);
  }
  std::string names;
  for (auto& d : rt_.devices()) names += (names.empty() ? "" : ", ") + d.config.name;
  return Error{
      fmt::format("device {}: no such device in this pipeline: valid: {}", device, names.empty() ? "none" : names)};
}

ControlApi::Reply Daemon::shutdown() {
  loop_.after(10'000'000, [this] { loop_.stop(); });
  return boost::json::value(boost::json::object{{"stopping", true}});
}

}  // namespace fulcrum
