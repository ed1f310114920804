// SPDX-License-Identifier: MIT
// ip_lookup.h - IPLookup: longest-prefix routing of IPv4 and IPv6.
//
// SYNOPSIS  IPLookup(FIB kernel | FIB FILE)
// INPUTS    0
// OUTPUTS   0 routed: port and Ethernet addresses are chosen for a ToPort without
//             argument; must be connected
//           1 no_route: no route, or local; unconnected: to the kernel as "no_route"
// ARGUMENTS FIB kernel  routes and neighbours as Linux has them, followed as they change
//           FIB FILE    routes from a file, one a line, IPv4 and IPv6 mixed, # comments:
//                         PREFIX via NEXTHOP dev PORT [lladdr MAC]
//                       A prefix without a length is one address. NEXTHOP is for the
//                       reader and checked, but the MAC alone addresses the frame
// COUNTERS  routed, no_route
// HANDLERS  load FILE  writes: the routes of FILE in place of all, for every element with the
//                      same FIB FILE; an error leaves all as they were. The next pipeline
//                      reads its own FIB FILE again
// NOTES     With FIB kernel the decision is that of the kernel's bpf_fib_lookup, so that
//           it does not matter which tier sees a packet. To output 1 go: no route, local,
//           blackhole and the like; an out interface that is no Fulcrum port; a neighbour
//           not resolved; a datagram longer than the out interface's MTU; IPv6 from or to
//           link-local, multicast or loopback addresses; packets with a VLAN tag. Of a
//           multipath route the first next hop is taken.
//           `fulcrum run` takes files only: its answer is the same everywhere.
#pragma once

#include <array>
#include <memory>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "fulcrum/in_place.h"
#include "kernel.h"
#include "rib.h"

namespace fulcrum::route {

class IpLookup final : public Element, public Offload {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  Offload* offload() noexcept override { return this; }
  InlineOp inline_op() const noexcept override {
    return rib_ && rib_->kernel_rules ? InlineOp::kRouteKernel : InlineOp::kNone;
  }
  std::vector<CounterValue> counters() const override;
  std::span<const HandlerSpec> handlers() const override;
  Result<Change> write(std::string_view handler, std::span<const Arg> args, Setup& setup) override;

  const KernelDecl& kernel() const noexcept override;
  KernelTable table() noexcept override;
  void finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept override;

 private:
  // Tasks in flight may hold older versions than the newest; results that belong
  // to none of these are looked up again.
  static constexpr unsigned kHeldVersions = 4;

  std::vector<ArgError> use_kernel(Setup& setup, SourcePos pos);
  std::vector<ArgError> use_file(const Arg& arg, Setup& setup);
  void use(std::shared_ptr<Rib> rib);
  const RouteTable* version_of(std::uint32_t result) const noexcept;
  bool route(Batch& b, unsigned i, const RouteTable& routes, std::uint32_t hop) const noexcept;
  void count(Mask routed, Mask unrouted) noexcept;

  std::shared_ptr<Rib> rib_;
  InPlace lookup_{kLookupKernel};
  TableReader<RouteTable> routes_;
  TableReader<NeighbourTable> neighbours_;
  const NeighbourTable* known_ = nullptr;  // newest neighbours, read once a batch
  std::array<std::shared_ptr<const RouteTable>, kHeldVersions> held_;
  unsigned newest_held_ = 0;
  Count routed_, unrouted_;
};

}  // namespace fulcrum::route
