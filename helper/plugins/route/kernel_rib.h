// SPDX-License-Identifier: MIT
// kernel_rib.h - the kernel's routes (RouteFeed) -> Rib, kept in step.
#pragma once

#include <memory>

#include "fulcrum/element.h"
#include "rib.h"

namespace fulcrum::route {

// Threads: made, fed and destroyed on the helper's control thread.
// Owns:    `feed` and `setup` are borrowed and outlive it.
class KernelRib : public Rib {
 public:
  KernelRib(RouteFeed& feed, Setup& setup);
  ~KernelRib() override;

 private:
  void update(bool ports_changed);
  NextHop make_hop(const RouteNextHop& from) const;
  std::shared_ptr<RouteTable> build_routes(const RouteSnapshot& from);

  RouteFeed& feed_;
  Setup& setup_;
  int token_;
  // The first version is made while the pipeline is built: elements behind this
  // one may still add ports. The feed's first call comes when all are there.
  bool called_ = false;
  std::uint64_t routes_seen_ = 0;
  std::uint32_t tag_ = 0;
  std::shared_ptr<const RouteTable> table_;
  // Replaced versions that a worker may still hold: kept here so that their
  // memory is given back by this thread, never by a worker.
  std::vector<std::shared_ptr<const void>> retired_;
};

}  // namespace fulcrum::route
