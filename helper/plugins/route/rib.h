// SPDX-License-Identifier: MIT
// rib.h - next hops, neighbours and the lookup table as one version each.
//
// Two tables change on their own: routes rarely and at a cost (the lookup table
// is rebuilt), neighbours often and cheaply. A version of the neighbours also
// holds the Ethernet addresses of every gateway of the route version it was made
// for; with any other route version a gateway is looked up like a host.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fulcrum/batch.h"
#include "fulcrum/table.h"
#include "lpm_build.h"

namespace fulcrum::route {

// Neighbour's address on a link; IPv4 in the first four bytes, rest zero.
struct NeighbourKey {
  std::uint8_t addr[16];
  std::uint32_t ifindex;
  std::uint32_t v6;
  bool operator==(const NeighbourKey&) const = default;
};

enum class HopAction : std::uint8_t {
  kLinux,    // local, blackhole, foreign interface …: output 1
  kFixed,    // l2 is all there is to know (FIB FILE)
  kGateway,  // neighbour is `gateway`
  kOnLink,   // neighbour is the destination
};

struct NextHop {
  HopAction action = HopAction::kLinux;
  bool src_is_old_dst = false;  // kFixed: the port's own MAC is not known
  std::uint16_t port = kNoPort;
  std::uint32_t mtu_bytes = 0;  // 0: not checked
  NeighbourKey gateway{};       // ifindex holds for kOnLink, too
  L2Rewrite l2{};               // kFixed: whole; else the source address
};

// One version. hops[0] is unused; LPM results index hops.
struct RouteTable {
  std::uint32_t tag = 0;  // 1 .. LPM_TAG_MASK, in every result of this version
  LpmTable lpm;
  std::vector<NextHop> hops;
};

// One version. Open addressing, at most half full.
class NeighbourTable {
 public:
  NeighbourTable(const NeighbourSnapshot& from, const RouteTable* routes);
  // MAC of the neighbour, or null. Context: data path.
  const std::uint8_t* find(const NeighbourKey& key) const noexcept;
  // Ethernet addresses towards gateway `hop` of `routes`; false: unresolved.
  bool gateway(const RouteTable& routes, std::uint32_t hop, L2Rewrite& l2) const noexcept;

 private:
  struct Slot {
    NeighbourKey key;
    std::uint8_t mac[6];
    bool used;
  };
  static std::uint64_t hash(const NeighbourKey& k) noexcept;

  std::vector<Slot> slots_;
  std::uint64_t slot_mask_;
  std::uint32_t resolved_tag_ = 0;   // RouteTable::tag that gateways_ belongs to
  std::vector<L2Rewrite> gateways_;  // by hop; valid 0: unresolved
};

// What the workers share: current versions of both tables.
// Threads: published by one thread at a time, read by any.
struct Rib {
  bool kernel_rules = false;  // decide as bpf_fib_lookup does
  VersionedTable<RouteTable> routes;
  VersionedTable<NeighbourTable> neighbours;
  virtual ~Rib() = default;
};

}  // namespace fulcrum::route
