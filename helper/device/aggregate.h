// SPDX-License-Identifier: MIT
// aggregate.h - suspended batches -> device tasks -> batches with their results.
//
// A batch that stops before an element with a device form (Graph::advance
// returned kOffload) is added here. Its packets join the open task of that
// element's chain; a task leaves at max_packets, max_bytes or its deadline. Tasks
// come back in the order they left, batches inside a task in the order they
// were added. Batches that never stop overtake those that did: whoever needs
// the order of arrival keeps it himself.
//
//   if (graph.advance(s.walk, s.batch, true) == Step::kOffload) aggregator.add(&s.batch, &s.walk, mask, chain, now);
//   aggregator.poll(now);
//   for (TaskAggregator::Ready r; aggregator.take(r);) { graph.resume(*r.walk, *r.batch, r.results); … advance again …
//   }
//
// No packet is lost to a device. One that refuses, fails a task, does not finish
// in time or answers wrong (shadow run) is lost: what it held is run here, on the
// cpu, once, in order, by the kernels' own code, and so is what comes after, until
// the control thread brings a new lane. What a device reads is never changed, and
// what it may still write is not looked at again, so a late one does no harm.
//
// Owns:    all tasks and their images. A batch and its walk are lent from add()
//          to take(); they must stay where they are.
// Threads: the worker's; stats(), state() and the lane exchange as said there.
// Context: data path after the constructor: no allocation, no lock, but where a
//          device is lost.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "device/lane.h"
#include "device/shadow.h"
#include "fulcrum/batch.h"
#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

struct Walk;  // pipeline/graph.h; only handed through

struct AggregateLimits {
  std::uint32_t max_packets = 1024;           // a task leaves when it has as many
  std::uint64_t max_bytes = 1024 * 1024;      // or as many bytes to read
  std::uint64_t max_batch_bytes = 64 * 4096;  // no batch has more
  std::uint64_t deadline_ns = 100'000;        // or when its first packet waited as long
  std::uint64_t timeout_ns = 1'000'000'000;   // a device that needs longer is lost
  std::uint32_t shadow_every = 0;             // one task in so many is run here too and compared; 0: none
  unsigned tasks = 8;                         // open, waiting and in flight together
};

LaneLimits lane_limits(const AggregateLimits& limits);

// Written by the worker, sums since the start.
struct AggregateStats {
  Count tasks;  // finished, on the device or here
  Count packets;
  Count bytes;          // read by kernels
  Count in_bytes;       // copied to the device, records included
  Count out_bytes;      // and back
  Count saved_bytes;    // not copied: an earlier kernel of the chain had left them there
  Count service_ns;     // time kernels ran on the device
  Count turnaround_ns;  // submit() to poll(), summed over tasks
  Count full_waits;     // submit() refused for the moment
  Count here_tasks;     // run here: no device, or no table there yet
  Count here_packets;
  Count fallback_tasks;  // of these, taken back from a lost device
  Count fallback_packets;
  Count shadow_tasks;
  Count shadow_mismatches;
  void add(const AggregateStats& other);  // sums of several workers
};

enum class LaneState : std::uint8_t {
  kUp,
  kNone,      // never had a device
  kRefused,   // submit() said kGone
  kFailed,    // a task came back failed
  kTimeout,   // a task did not come back
  kMismatch,  // the shadow run had another answer
  kRevoked,   // the control thread took it away
};
const char* to_string(LaneState state);

class TaskAggregator {
 public:
  // A batch's part of a finished task. Valid until the next take(), add() or poll().
  struct Results {
    const TaskFill* fill = nullptr;
    std::uint32_t first = 0;
    Mask gathered = 0;
    ItemResults stage(unsigned s) const noexcept { return fill->results(s, first, gathered); }
    void put_back(unsigned s, Mask who, Batch& b) const noexcept { fill->put_back(s, first, gathered, who, b); }
  };
  struct Ready {
    Batch* batch = nullptr;
    Walk* walk = nullptr;
    Results results;
  };

  // `frames`: address that all frames lie behind, by less than 4 GiB. `lane` may
  // be null: all runs here until there is one.
  TaskAggregator(OffloadChains chains, std::unique_ptr<DeviceLane> lane, const std::uint8_t* frames,
                 const AggregateLimits& limits);
  ~TaskAggregator();
  TaskAggregator(const TaskAggregator&) = delete;
  TaskAggregator& operator=(const TaskAggregator&) = delete;

  // Takes the batch; `mask` (not 0) is Graph::offload_mask(), `chain` the index of
  // its chain. False: no task is free, the batch is still the caller's: poll() and take() first.
  [[nodiscard]] bool add(Batch* batch, Walk* walk, Mask mask, std::size_t chain, std::uint64_t now_ns) noexcept;
  // Submits what is due and collects what is finished. True: something moved.
  bool poll(std::uint64_t now_ns) noexcept;
  // Closes all open tasks whatever their size; the next poll() submits them.
  void flush() noexcept;
  // Next batch whose results are there.
  bool take(Ready& out) noexcept;

  // No batch is held here.
  bool idle() const noexcept { return held_batches_ == 0; }
  unsigned held_batches() const noexcept { return held_batches_; }
  // Something is to be done although nothing is held: poll().
  bool wants_turn() const noexcept { return gone() || revoked_.load(std::memory_order_relaxed); }
  // The device has none of our tasks.
  bool device_idle() const noexcept { return !up() || lane_->queue().in_flight() == 0; }
  const AggregateStats& stats() const noexcept { return stats_; }

  // Control thread.
  LaneState state() const noexcept { return state_.load(std::memory_order_acquire); }
  bool gone() const noexcept { return state() != LaneState::kUp; }
  // Gives the lane up as lost, at the worker's next turn.
  void revoke() noexcept { revoked_.store(true, std::memory_order_release); }
  // Puts a lane in the place of a lost one, at the worker's next turn. The one it replaces comes back by
  // take_old_lane(), and must, before its device is closed.
  void offer_lane(std::unique_ptr<DeviceLane> lane);
  // The worker does not yet run on what was offered last.
  bool offer_pending() const noexcept { return offer_pending_.load(std::memory_order_acquire); }
  std::unique_ptr<DeviceLane> take_old_lane();
  // The lane that state() speaks of, the one that it replaced, the one offered: null where there is none.
  // Context: no worker uses this any more.
  std::vector<std::unique_ptr<DeviceLane>> release_lanes();
  // The packets of a task whose shadow run had another answer, or null.
  std::unique_ptr<ShadowEvidence> take_evidence();

 private:
  struct Item {
    Batch* batch;
    Walk* walk;
    Mask mask;
    std::uint32_t first;  // index of its first item
  };
  enum class State : std::uint8_t { kFree, kOpen, kClosed, kInFlight, kDone };
  struct Task {
    DeviceTask device;
    TaskFill fill;
    State state = State::kFree;
    bool here = false;  // not meant for the device
    std::size_t chain = 0;
    std::uint64_t opened_ns = 0;
    std::uint64_t first_try_ns = 0;  // first submit(); 0: not yet
    ImageMemory host;
    std::unique_ptr<Item[]> items;
    std::uint32_t item_count = 0;
    std::uint32_t item_taken = 0;
  };
  // Tables that the device had for a chain's last task.
  using ChainTables = std::array<KernelTable, kMaxStages>;

  Task* open_task(std::size_t chain, std::uint64_t now_ns) noexcept;
  bool choose_tables(Task& t) noexcept;
  void close(Task& t) noexcept;
  bool submit_closed(std::uint64_t now_ns) noexcept;
  bool collect(std::uint64_t now_ns) noexcept;
  bool overdue(std::uint64_t now_ns) noexcept;
  void lose(LaneState why) noexcept;
  void run_here(Task& t) noexcept;
  bool shadow_agrees(Task& t) noexcept;
  void finish(Task& t) noexcept;
  void release_taken() noexcept;
  void adopt_lane() noexcept;
  bool up() const noexcept { return state_.load(std::memory_order_relaxed) == LaneState::kUp; }
  Task& leaving(std::uint32_t place) noexcept { return *leaving_[place % leaving_.size()]; }

  OffloadChains chains_;
  const std::uint8_t* frames_;
  AggregateLimits limits_;
  std::vector<ImagePlan> here_plans_;
  HostImages host_images_;
  std::unique_ptr<DeviceLane> lane_;
  std::vector<ChainTables> tables_;  // by chain
  std::vector<Task> tasks_;
  // Tasks from close() to the last take(), oldest first: places head_ .. tail_ - 1
  // of a ring; those before submit_ have been submitted or run here.
  std::vector<Task*> leaving_;
  std::uint32_t head_ = 0;
  std::uint32_t submit_ = 0;
  std::uint32_t tail_ = 0;
  unsigned held_batches_ = 0;
  std::uint32_t until_shadow_ = 0;
  std::uint64_t last_look_ns_ = 0;
  std::uint64_t waited_ns_ = 0;  // for the task at waited_place_
  std::uint32_t waited_place_ = 0;
  AggregateStats stats_;
  std::atomic<LaneState> state_{LaneState::kNone};
  std::atomic<bool> revoked_{false}, offer_pending_{false};
  std::atomic<DeviceLane*> offered_{nullptr};
  std::atomic<DeviceLane*> old_{nullptr};
  std::atomic<ShadowEvidence*> evidence_{nullptr};
};

}  // namespace fulcrum
