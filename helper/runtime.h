// SPDX-License-Identifier: MIT
// runtime.h - a checked pipeline -> ports, UMEM, sockets, devices and workers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/config.h"
#include "device/device.h"
#include "pipeline/config.h"
#include "pipeline/registry.h"
#include "port/maps.h"
#include "port/tap.h"
#include "port/umem.h"
#include "port/xsk.h"
#include "port_table.h"
#include "running_pipeline.h"
#include "supervisor.h"
#include "table/netlink_routes.h"
#include "worker.h"

namespace fulcrum {

// What the inline tier would have to do on a port for a pipeline.
struct InlineForm {
  std::string why;  // it cannot; empty: it can
  Graph::InlinePlan plan;
  bool as_before = false;  // the program that runs does just that
  int prog = -1;           // else: loaded, not in fu1_inline yet; the owner's
};

// A pipeline that is ready to take the place of the one that runs.
struct NextPipeline {
  NextPipeline() = default;
  NextPipeline(NextPipeline&&) = default;
  NextPipeline& operator=(NextPipeline&&) = default;
  ~NextPipeline();  // closes programs that were not put to use
  std::shared_ptr<RunningPipeline> pipeline;
  std::vector<InlineForm> inline_forms;  // by port; of those that it receives from
  std::vector<std::string> notes;
  std::uint64_t build_ns = 0;
};

struct SwapReport {
  std::uint64_t gap_ns = 0;    // longest time for which a worker served no ring
  std::uint64_t drain_ns = 0;  // until the pipeline before had no packet left
};

// Everything a running helper holds. Members are destroyed from the last up.
// Threads: built and taken down by the main thread, read by the control thread.
class Runtime {
 public:
  // Errors: any of "Bad input"; nothing stays behind.
  static Result<std::unique_ptr<Runtime>> open(const HelperConfig& config, const Config& pipeline,
                                               const Registry& registry);
  ~Runtime();

  // Workers run and the front-end sends; buckets as they were, or all on cpu.
  Result<void> start();
  // Takes buckets off the rings, waits until all is out, stops the workers.
  // Returns false if something was still on the way after `wait_ms`.
  bool stop(unsigned wait_ms);

  // Builds a pipeline aside, for the ports, rings and devices that there are. The one that runs goes on.
  // Errors: what `fulcrum pipeline check` prints, and ports that only a restart can open.
  Result<NextPipeline> prepare(const std::string& file, Registry& registry);
  // Takes ports off the inline tier whose program is not the one for `next`; the balancer has to follow.
  void close_inline(const NextPipeline& next);
  // Puts it in place. Nothing can fail any more, but bucket tables that XDP refuses are logged.
  SwapReport swap(NextPipeline next);
  // Has the workers run `changes`, one vector each, between two batches. Returns when all have.
  void change(std::vector<std::vector<Element::Change>> changes);

  // Writes port.map (with a fresh Bloom filter) to the front-end.
  Result<void> write_port(PortState& port);
  Result<void> sync_local_addresses();
  void settle();          // now and then: lets ports that are all inline take XDP's short cut
  void check_arrivals();  // once a second: do live frames still arrive?

  std::uint32_t frames_total() const { return frames_total_; }
  std::uint32_t frames_home();  // after stop()

  const HelperConfig& config() const { return config_; }
  PortTable& ports() { return ports_; }
  FrontMaps& maps() { return *maps_; }
  const Umem& umem() const { return *umem_; }
  NetlinkRoutes& routes() { return *routes_; }
  ReasonTable& reasons() { return reasons_; }
  RunningPipeline& pipeline() { return *pipeline_; }
  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }
  DeviceSupervisor& supervisor() { return supervisor_; }
  std::vector<DeviceState>& devices() { return supervisor_.devices(); }
  unsigned rings() const { return rings_; }  // per queue: cpu and one a device
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  explicit Runtime(const HelperConfig& config);
  Result<void> plan(const Registry& registry);
  Result<void> find_maps();
  Result<void> open_devices();
  Result<void> open_memory();
  Result<void> open_sockets();
  Result<void> open_sockets_in(bool zerocopy);
  Result<void> open_workers(const Registry& registry);
  Result<void> open_taps(ReturnPath& out);
  Result<void> open_return(Worker& w, std::vector<XskQueue*>& tx);
  Result<void> open_inline();
  std::vector<std::uint32_t> inline_outputs();
  InlineForm inline_form(const Graph& graph, const SourcePort& source, const PortState& p);
  Result<int> load_inline(const InlineForm& form);
  bool check_sources(const RunningPipeline& next, Diagnostics& diag);
  Result<void> prepare_inline(NextPipeline& next);
  void put_inline(PortState& p, InlineForm& form);
  void follow_ports(const RunningPipeline& next, NextPipeline& forms);
  std::uint64_t command(std::vector<WorkerOrder> orders);
  Result<void> connect_sockets();
  Result<void> build_part(const Registry& registry, unsigned worker);
  std::vector<int> cpus_near_ports();
  std::vector<int> cpus_beside_workers(const std::string& device);
  int worker_cpu(unsigned worker);
  void disconnect_sockets();
  FramePool take_frames(std::uint32_t count);
  bool all_inline(const PortState& p) const;
  bool drained(const PortState& p);  // nothing of it is on a ring or in a pipeline

  struct OpenQueue {
    std::uint16_t port;
    std::uint32_t queue;
    unsigned worker;
    bool receives;
    std::unique_ptr<XskQueue> xsk;
  };

  HelperConfig config_;
  std::unique_ptr<NetlinkRoutes> routes_;
  PortTable ports_;
  ReasonTable reasons_;
  std::unique_ptr<FrontMaps> maps_;
  DeviceSupervisor supervisor_;
  std::unique_ptr<Umem> umem_;
  std::unique_ptr<XskUmem> xsk_umem_;
  std::vector<std::unique_ptr<Tap>> taps_;  // per port, where needed
  std::vector<OpenQueue> queues_;
  std::shared_ptr<RunningPipeline> pipeline_;  // its lanes go before their devices
  std::vector<std::shared_ptr<void>> stuck_;   // what a worker that does not answer may still read
  std::vector<std::unique_ptr<Worker>> workers_;
  unsigned worker_count_ = 1, rings_ = 1;
  std::uint32_t frames_total_ = 0, frames_given_ = 0;
  std::vector<std::string> notes_;
  std::vector<std::uint64_t> seen_live_, seen_tx_;  // per port, for check_arrivals()
  bool connected_ = false, started_ = false;
};

}  // namespace fulcrum
