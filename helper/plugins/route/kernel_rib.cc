// SPDX-License-Identifier: MIT
// kernel_rib.cc - one rebuild for each version that the feed publishes.
#include "kernel_rib.h"

#include <algorithm>
#include <utility>

namespace fulcrum::route {

KernelRib::KernelRib(RouteFeed& feed, Setup& setup) : feed_(feed), setup_(setup) {
  kernel_rules = true;
  token_ = feed_.on_change([this] { update(!std::exchange(called_, true)); });
  update(true);
}

KernelRib::~KernelRib() { feed_.remove(token_); }

NextHop KernelRib::make_hop(const RouteNextHop& from) const {
  NextHop hop;
  if (from.kind != RouteKind::kUnicast) return hop;
  hop.port = setup_.port_by_ifindex(from.ifindex);
  if (hop.port == kNoPort || !setup_.port_mac(hop.port, hop.l2.src)) return hop;
  hop.action = from.on_link ? HopAction::kOnLink : HopAction::kGateway;
  hop.mtu_bytes = from.mtu_bytes;
  hop.gateway.ifindex = from.ifindex;
  if (!from.on_link) {
    hop.gateway.v6 = from.v6;
    std::memcpy(hop.gateway.addr, from.gateway, from.v6 ? 16 : 4);
  }
  return hop;
}

// Next hops past the limit of a result read as "no route": Linux takes them.
std::shared_ptr<RouteTable> KernelRib::build_routes(const RouteSnapshot& from) {
  auto table = std::make_shared<RouteTable>();
  table->tag = tag_ = tag_ % LPM_TAG_MASK + 1;
  const std::size_t count = std::min<std::size_t>(from.next_hops.size(), LPM_MAX_NEXT_HOPS - 1);
  table->hops.resize(count + 1);
  for (std::size_t i = 0; i < count; ++i) table->hops[i + 1] = make_hop(from.next_hops[i]);
  std::vector<RouteEntry> entries = from.routes;
  for (RouteEntry& e : entries) e.next_hop = e.next_hop < count ? e.next_hop + 1 : 0;
  table->lpm = build_lpm(entries, table->tag);
  return table;
}

void KernelRib::update(bool ports_changed) {
  const auto [snapshot, version] = feed_.routes.load();
  if (ports_changed || version != routes_seen_) {
    if (table_) retired_.push_back(table_);
    table_ = build_routes(snapshot ? *snapshot : RouteSnapshot{});
    routes_seen_ = version;
    routes.publish(table_);
  }
  const auto known = feed_.neighbours.load().first;
  if (auto old = neighbours.load().first) retired_.push_back(std::move(old));
  neighbours.publish(std::make_shared<const NeighbourTable>(known ? *known : NeighbourSnapshot{}, table_.get()));
  std::erase_if(retired_, [](const auto& held) { return held.use_count() == 1; });
}

}  // namespace fulcrum::route
