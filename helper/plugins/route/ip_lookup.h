// SPDX-License-Identifier: MIT
// ip_lookup.h - IPLookup: longest-prefix routing of IPv4 and IPv6.
//
//   IPLookup(FIB kernel)   routes and neighbours as Linux has them
//   IPLookup(FIB FILE)     routes from a file, see route_file.h
//
// Outputs: 0 routed: Batch::out_port and Batch::l2 are set for ToPort.
//          1 no route or local; unconnected: to the kernel as "no_route".
//
// With FIB kernel the decision is bpf_fib_lookup's, so that it does not matter
// which tier sees a packet. To output 1 go: no route, local, blackhole and the
// like; an out interface that is no Fulcrum port; a neighbour not resolved;
// a datagram longer than the out interface's MTU; IPv6 from or to link-local,
// multicast or loopback addresses; packets with a VLAN tag. Of a multipath route
// the first next hop is taken.
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
