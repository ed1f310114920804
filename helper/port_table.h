// SPDX-License-Identifier: MIT
// port_table.h - the ports a pipeline names, and what elements may ask at set-up.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fulcrum/element.h"
#include "fulcrum/table.h"
#include "pipeline/graph.h"
#include "port/link.h"

namespace fulcrum {

// A port of the running helper. Index in PortTable = Batch::in_port, out_port.
struct PortState {
  Link link;
  bool receives = false;  // has rings: a FromPort when the helper started
  bool in_use = false;    // the pipeline that runs has a FromPort for it
  // An interface that only the kernel's routes name: sent to by live frames where
  // they arrive; else it is no port, and Linux forwards what goes there.
  bool named = true;
  bool usable = true;
  SourcePort source;                 // valid where it is in use
  std::vector<std::uint32_t> slots;  // of its queues
  std::vector<fulcrum_xsk_mode> modes;
  fulcrum_queue at_start{};  // XDP's counters over all queues when the helper started
  fulcrum_port map{};        // as last written to fu1_port
  std::string inline_why;    // why the inline tier is not eligible; empty: it is
  Graph::InlinePlan inline_plan;
  int inline_prog = -1;
  bool may_shorten = false;  // Runtime::settle() saw it drained
};

// Threads: setup, then the control thread.
class PortTable {
 public:
  // Finds the interface at first use. Once frozen there are no new ports: rings and ways out are made at start.
  Result<std::uint16_t> index_of(std::string_view name);
  void freeze() { frozen_ = true; }
  // Of ports that can be sent to.
  std::vector<std::string> names() const;
  // Adds every other Ethernet interface that is up, as far as there is room.
  void add_routable();
  PortState& operator[](std::size_t i) { return *ports_[i]; }
  const PortState& operator[](std::size_t i) const { return *ports_[i]; }
  std::size_t size() const { return ports_.size(); }
  auto begin() const { return ports_.begin(); }
  auto end() const { return ports_.end(); }

 private:
  std::vector<std::unique_ptr<PortState>> ports_;
  bool frozen_ = false;
};

// Reason names of one pipeline; 0 is "none".
class ReasonTable {
 public:
  Reason id(std::string_view name);
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_{"none"};
};

// What outlives one worker's graph: tables by key.
using SharedObjects = std::map<std::string, std::shared_ptr<void>>;

class HelperSetup final : public Setup {
 public:
  // `inherited`: of the pipeline that this one takes the place of, or null.
  HelperSetup(PortTable& ports, ReasonTable& reasons, SharedObjects& shared, const SharedObjects* inherited,
              RouteFeed* routes, std::string dir, unsigned worker)
      : ports_(ports),
        reasons_(reasons),
        shared_(shared),
        inherited_(inherited),
        routes_(routes),
        dir_(std::move(dir)),
        worker_(worker) {}

  Result<std::uint16_t> port(std::string_view name) override { return ports_.index_of(name); }
  std::uint16_t port_by_ifindex(std::uint32_t ifindex) const override;
  bool port_mac(std::uint16_t port, std::uint8_t mac[6]) const override;
  bool port_address(std::uint16_t port, bool v6, std::uint8_t* address) const override;
  Reason reason(std::string_view name) override { return reasons_.id(name); }
  unsigned worker() const override { return worker_; }
  RouteFeed* kernel_routes() override {
    asked_routes_ = true;
    return routes_;
  }
  bool asked_routes() const { return asked_routes_; }
  // What was inherited is taken: the pipeline before may go.
  void end_inheritance() { inherited_ = nullptr; }
  std::shared_ptr<void> shared(const std::string& key, const std::function<std::shared_ptr<void>()>& make) override;
  std::shared_ptr<void> inherited(const std::string& key) override;
  std::string resolve_path(std::string_view path) const override;
  bool live() const override { return true; }

 private:
  PortTable& ports_;
  ReasonTable& reasons_;
  SharedObjects& shared_;
  const SharedObjects* inherited_;
  RouteFeed* routes_;
  std::string dir_;
  unsigned worker_;
  bool asked_routes_ = false;
};

}  // namespace fulcrum
