// SPDX-License-Identifier: MIT
// route_store.h - the kernel's routes as messages add and remove them -> snapshots.
//
// Keeps every metric of a prefix, since the next best comes back when the best
// goes. Among routes of one prefix and metric the kernel uses the first; the
// others are only remembered to exist ("shadowed"): when one of them or the first
// goes, the caller must read everything again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fulcrum.h"
#include "fulcrum/table.h"

namespace fulcrum {

struct RouteKey {
  std::uint8_t addr[16] = {};  // IPv4 in the first four
  std::uint8_t length = 0;     // bits
  bool v6 = false;
  bool local_table = false;  // table local, else main
  auto operator<=>(const RouteKey&) const = default;
};

// One parsed route message.
struct StoredRoute {
  RouteKey key;
  std::uint32_t metric = 0;
  RouteNextHop hop{};     // mtu_bytes: the route's own locked MTU, 0: none
  bool siblings = false;  // IPv6 multipath: parts of it can go one by one
};

// What the store needs to know of a link.
struct LinkState {
  bool up = false;
  std::uint32_t mtu_bytes = 0;
};

class RouteStore {
 public:
  void clear();
  // False: everything must be read again (never during a dump: notified false).
  [[nodiscard]] bool add(const StoredRoute& route, bool notified, bool replace);
  [[nodiscard]] bool remove(const StoredRoute& route);

  // What Linux would use. Unicast routes over links that are down are left out.
  std::shared_ptr<const RouteSnapshot> snapshot(const std::function<LinkState(std::uint32_t ifindex)>& link) const;
  // Host addresses of kind local, IPv4 as ::ffff:a.b.c.d, sorted.
  std::vector<fulcrum_addr> local_addresses() const;
  std::size_t size() const { return routes_.size(); }
  // Forgets next hops that no route uses any more.
  void compact();

 private:
  struct KeyHash {
    std::size_t operator()(const RouteKey& k) const noexcept;
  };
  struct HopLess {
    bool operator()(const RouteNextHop& a, const RouteNextHop& b) const;
  };
  struct Value {
    std::uint32_t metric;
    std::uint32_t hop : 31;
    std::uint32_t siblings : 1;
  };
  using Map = std::unordered_multimap<RouteKey, Value, KeyHash>;

  Map::iterator find(const RouteKey& key, std::uint32_t metric);
  std::uint32_t intern(const RouteNextHop& hop);

  Map routes_;
  std::set<std::pair<RouteKey, std::uint32_t>> shadowed_;
  std::vector<RouteNextHop> hops_;
  std::map<RouteNextHop, std::uint32_t, HopLess> hop_index_;
};

}  // namespace fulcrum
