// SPDX-License-Identifier: MIT
// loop.h - a worker's loop without a card: traffic -> graph on the core, on a device or on both -> packets in order.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/traffic.h"
#include "device/aggregate.h"
#include "pipeline/graph.h"
#include "pipeline/offline_setup.h"

namespace fulcrum {

struct LoopResult {
  std::uint64_t packets = 0;
  std::uint64_t device_packets = 0;
  std::uint64_t elapsed_ns = 0;
  double mpps() const { return elapsed_ns ? 1e3 * static_cast<double>(packets) / static_cast<double>(elapsed_ns) : 0; }
};

class WorkerLoop {
 public:
  enum class Way : std::uint8_t {
    kCore,    // every element's cpu form
    kDevice,  // every task to the device
    kBoth,    // the device is kept supplied, but gets no more than its share; the core does the rest
  };

  // `pipeline` is a configuration whose FromPort is the first to ask for a port. `check` gets each batch when its
  // turn to leave has come and says what is wrong with it, or nothing.
  // Errors: of the configuration, with place; no memory; what the device says.
  static Result<std::unique_ptr<WorkerLoop>> open(const std::string& pipeline, Traffic& traffic, Device* device,
                                                  const AggregateLimits& limits);
  ~WorkerLoop();

  // Called with each batch, in order of arrival, when all before it have left: empty, or what is wrong with it.
  std::function<std::string(const Batch&)> check;

  // Most of the packets that kBoth gives the device.
  void set_share(unsigned permille) { share_permille_ = permille; }
  // What was begun leaves before it returns; the time is taken until then.
  LoopResult run(Way way, std::uint64_t for_ns);
  LoopResult run_batches(Way way, std::uint64_t batches);

  const AggregateStats* device_stats() const { return tasks_ ? &tasks_->stats() : nullptr; }
  LaneState lane_state() const { return tasks_ ? tasks_->state() : LaneState::kNone; }
  OffloadChains chains() const { return graph_->chains(); }
  // First thing that was wrong with what left, or nothing.
  const std::string& wrong() const { return wrong_; }

 private:
  struct Slot {
    Batch batch;
    Walk walk;
    bool done = false;
  };

  explicit WorkerLoop(Traffic& traffic) : traffic_(traffic), setup_("bench", OfflineSetup::KernelRoutes::kRefused) {}
  LoopResult drive(Way way, const std::function<bool(std::uint64_t now, std::uint64_t batches)>& enough);
  bool for_device(Way way) const;
  void begin(Way way);
  bool go_on(Slot& s, bool offload);
  bool collect();
  void leave();
  Slot& slot(std::uint64_t n) { return *slots_[n % slots_.size()]; }

  Traffic& traffic_;
  OfflineSetup setup_;
  std::unique_ptr<Graph> graph_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::unique_ptr<TaskAggregator> tasks_;
  std::deque<Slot*> stalled_;  // no task was free for them
  unsigned share_permille_ = 1000;
  unsigned device_batches_ = 0;         // as many the device is kept supplied with
  std::uint64_t begun_ = 0, left_ = 0;  // batches since the start
  std::uint64_t device_packets_ = 0;
  std::uint64_t turn_batches_ = 0, turn_device_batches_ = 0;  // of this run
  std::string wrong_;
};

}  // namespace fulcrum
