// SPDX-License-Identifier: MIT
// rib.cc - the neighbour hash table.
#include "rib.h"

#include <bit>

namespace fulcrum::route {

std::uint64_t NeighbourTable::hash(const NeighbourKey& k) noexcept {
  std::uint64_t w[3];
  static_assert(sizeof w == sizeof k);
  std::memcpy(w, &k, sizeof w);
  std::uint64_t h = 0;
  for (std::uint64_t x : w) {
    h = (h ^ x) * 0x9e3779b97f4a7c15ull;
    h ^= h >> 32;
  }
  return h;
}

NeighbourTable::NeighbourTable(const NeighbourSnapshot& from, const RouteTable* routes)
    : slots_(std::bit_ceil(from.size() * 2 + 2)), slot_mask_(slots_.size() - 1) {
  for (const NeighbourEntry& n : from) {
    Slot s{};
    std::memcpy(s.key.addr, n.addr, n.v6 ? 16 : 4);
    s.key.ifindex = n.ifindex;
    s.key.v6 = n.v6;
    std::memcpy(s.mac, n.mac, 6);
    s.used = true;
    std::uint64_t at = hash(s.key) & slot_mask_;
    while (slots_[at].used && !(slots_[at].key == s.key)) at = (at + 1) & slot_mask_;
    slots_[at] = s;
  }
  if (!routes) return;
  gateways_.resize(routes->hops.size());
  for (std::size_t i = 0; i < gateways_.size(); ++i) {
    const NextHop& hop = routes->hops[i];
    gateways_[i].valid = 0;
    if (hop.action == HopAction::kGateway) gateway(*routes, static_cast<std::uint32_t>(i), gateways_[i]);
  }
  resolved_tag_ = routes->tag;
}

const std::uint8_t* NeighbourTable::find(const NeighbourKey& key) const noexcept {
  for (std::uint64_t at = hash(key) & slot_mask_; slots_[at].used; at = (at + 1) & slot_mask_)
    if (slots_[at].key == key) return slots_[at].mac;
  return nullptr;
}

bool NeighbourTable::gateway(const RouteTable& routes, std::uint32_t hop, L2Rewrite& l2) const noexcept {
  if (resolved_tag_ == routes.tag) {
    l2 = gateways_[hop];
    return l2.valid;
  }
  const std::uint8_t* mac = find(routes.hops[hop].gateway);
  if (!mac) return false;
  l2 = routes.hops[hop].l2;
  std::memcpy(l2.dst, mac, 6);
  l2.valid = 3;
  return true;
}

}  // namespace fulcrum::route
