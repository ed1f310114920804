// SPDX-License-Identifier: MIT
// route_store.cc - one entry a prefix, table and metric.
#include "table/route_store.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace fulcrum {
namespace {

bool covers(const RouteKey& outer, const RouteKey& inner) {
  if (outer.length > inner.length) return false;
  const unsigned whole = outer.length / 8, rest = outer.length % 8;
  if (std::memcmp(outer.addr, inner.addr, whole) != 0) return false;
  return rest == 0 || ((outer.addr[whole] ^ inner.addr[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

fulcrum_addr mapped(const RouteKey& k) {
  fulcrum_addr a{};
  std::uint8_t bytes[16] = {};
  if (k.v6) {
    std::memcpy(bytes, k.addr, 16);
  } else {
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, k.addr, 4);
  }
  std::memcpy(a.word, bytes, 16);
  return a;
}

}  // namespace

std::size_t RouteStore::KeyHash::operator()(const RouteKey& k) const noexcept {
  std::uint64_t hi, lo;
  std::memcpy(&hi, k.addr, 8);
  std::memcpy(&lo, k.addr + 8, 8);
  std::uint64_t h = hi * 0x9e3779b97f4a7c15ull ^ lo * 0xc2b2ae3d27d4eb4full;
  h ^= (k.length | k.v6 << 8 | k.local_table << 9) * 0x165667b19e3779f9ull;
  return h ^ h >> 29;
}

bool RouteStore::HopLess::operator()(const RouteNextHop& a, const RouteNextHop& b) const {
  const auto key = [](const RouteNextHop& h) {
    return std::make_tuple(h.kind, h.on_link, h.v6, h.ifindex, h.mtu_bytes);
  };
  if (key(a) != key(b)) return key(a) < key(b);
  return std::memcmp(a.gateway, b.gateway, 16) < 0;
}

void RouteStore::clear() {
  routes_.clear();
  shadowed_.clear();
  hops_.clear();
  hop_index_.clear();
}

RouteStore::Map::iterator RouteStore::find(const RouteKey& key, std::uint32_t metric) {
  auto [at, end] = routes_.equal_range(key);
  while (at != end && at->second.metric != metric) ++at;
  return at == end ? routes_.end() : at;
}

std::uint32_t RouteStore::intern(const RouteNextHop& hop) {
  const auto [at, is_new] = hop_index_.emplace(hop, static_cast<std::uint32_t>(hops_.size()));
  if (is_new) hops_.push_back(hop);
  return at->second;
}

bool RouteStore::add(const StoredRoute& route, bool notified, bool replace) {
  const Value value{route.metric, intern(route.hop), route.siblings};
  const auto known = find(route.key, route.metric);
  if (known == routes_.end()) {
    routes_.emplace(route.key, value);
    return true;
  }
  if (known->second.hop == value.hop) {
    known->second.siblings |= value.siblings;
    return true;
  }
  if (!notified) {
    shadowed_.emplace(route.key, route.metric);
    return true;
  }
  if (!replace || shadowed_.contains({route.key, route.metric})) return false;
  known->second = value;
  return true;
}

bool RouteStore::remove(const StoredRoute& route) {
  const auto known = find(route.key, route.metric);
  if (known == routes_.end()) return true;
  if (known->second.siblings || shadowed_.contains({route.key, route.metric})) return false;
  routes_.erase(known);
  return true;
}

std::shared_ptr<const RouteSnapshot> RouteStore::snapshot(const std::function<LinkState(std::uint32_t)>& link) const {
  auto out = std::make_shared<RouteSnapshot>();
  out->next_hops = hops_;
  std::vector<bool> usable(hops_.size());
  for (std::size_t i = 0; i < hops_.size(); ++i) {
    const LinkState state = link(hops_[i].ifindex);
    std::uint32_t& mtu = out->next_hops[i].mtu_bytes;
    if (!mtu) mtu = state.mtu_bytes;
    usable[i] = hops_[i].kind != RouteKind::kUnicast || state.up;
  }
  // IPv6 asks table local first, whatever main holds inside its prefixes.
  std::vector<RouteKey> local_nets;
  for (const auto& [key, value] : routes_)
    if (key.v6 && key.local_table && key.length < 128) local_nets.push_back(key);
  out->routes.reserve(routes_.size());
  std::vector<RouteEntry> local;
  for (auto at = routes_.begin(); at != routes_.end();) {
    const RouteKey& key = at->first;
    const Value* best = nullptr;
    for (; at != routes_.end() && at->first == key; ++at)
      if (usable[at->second.hop] && (!best || at->second.metric < best->metric)) best = &at->second;
    if (!best) continue;
    const bool hidden = key.v6 && !key.local_table &&
                        std::ranges::any_of(local_nets, [&](const RouteKey& net) { return covers(net, key); });
    if (hidden) continue;
    RouteEntry entry{};
    std::memcpy(entry.prefix.addr, key.addr, 16);
    entry.prefix.length = key.length;
    entry.prefix.v6 = key.v6;
    entry.next_hop = best->hop;
    (key.local_table ? local : out->routes).push_back(entry);
  }
  // Of one prefix in both tables the later entry counts: local.
  out->routes.insert(out->routes.end(), local.begin(), local.end());
  return out;
}

std::vector<fulcrum_addr> RouteStore::local_addresses() const {
  std::vector<fulcrum_addr> out;
  for (const auto& [key, value] : routes_)
    if (hops_[value.hop].kind == RouteKind::kLocal && key.length == (key.v6 ? 128 : 32)) out.push_back(mapped(key));
  const auto less = [](const fulcrum_addr& a, const fulcrum_addr& b) { return std::memcmp(&a, &b, sizeof a) < 0; };
  const auto same = [](const fulcrum_addr& a, const fulcrum_addr& b) { return std::memcmp(&a, &b, sizeof a) == 0; };
  std::ranges::sort(out, less);
  out.erase(std::unique(out.begin(), out.end(), same), out.end());
  return out;
}

void RouteStore::compact() {
  std::vector<std::uint32_t> moved(hops_.size(), ~0u);
  std::vector<RouteNextHop> kept;
  for (auto& [key, value] : routes_) {
    if (moved[value.hop] == ~0u) {
      moved[value.hop] = static_cast<std::uint32_t>(kept.size());
      kept.push_back(hops_[value.hop]);
    }
    value.hop = moved[value.hop] & 0x7fffffff;
  }
  hops_ = std::move(kept);
  hop_index_.clear();
  for (std::uint32_t i = 0; i < hops_.size(); ++i) hop_index_.emplace(hops_[i], i);
}

}  // namespace fulcrum
