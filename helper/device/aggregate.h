// SPDX-License-Identifier: MIT
// aggregate.h - suspended batches -> device tasks -> batches with their results.
//
// A batch that stops before an element with a device form (Graph::advance
// returned kOffload) is added here. Its packets' ranges join the open task of
// that element; a task leaves at max_packets, max_bytes or its deadline. Tasks
// come back in the order they left, batches inside a task in the order they
// were added. Batches that never stop overtake those that did: whoever needs
// the order of arrival keeps it himself.
//
//   if (graph.advance(s.walk, s.batch, true) == Step::kOffload) aggregator.add(&s.batch, &s.walk, mask, offload, now);
//   aggregator.poll(now);
//   for (TaskAggregator::Ready r; aggregator.take(r);) { graph.resume(*r.walk, *r.batch, r.result); … advance again … }
//
// No packet is lost to a device: a task that it refuses for good (kGone) or
// returns as failed is run here, on the cpu, by the kernel's own code.
//
// Owns:    all tasks and their buffers, made by the constructor. A batch and its
//          walk are lent from add() to take(); they must stay where they are.
// Threads: the worker's. stats() any.
// Context: data path after the constructor: no allocation, no lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "device/device.h"
#include "fulcrum/batch.h"
#include "fulcrum/count.h"
#include "fulcrum/element.h"

namespace fulcrum {

struct Walk;  // pipeline/graph.h; only handed through

struct AggregateLimits {
  std::uint32_t max_packets = 1024;       // a task leaves when it has as many
  std::uint64_t max_bytes = 1024 * 1024;  // or as many bytes to read
  std::uint64_t deadline_ns = 100'000;    // or when its first packet waited as long
  unsigned tasks = 8;                     // open, waiting and in flight together
};

// Written by the worker, sums since the start.
struct AggregateStats {
  Count tasks;  // finished, on the device or here
  Count packets;
  Count bytes;
  Count service_ns;      // time kernels ran on the device
  Count turnaround_ns;   // submit() to poll(), summed over tasks
  Count full_waits;      // submit() refused for the moment
  Count fallback_tasks;  // run here because the device failed
  Count fallback_packets;
};

class TaskAggregator {
 public:
  struct Ready {
    Batch* batch = nullptr;
    Walk* walk = nullptr;
    const std::uint32_t* result = nullptr;  // valid until the next take() or add()
  };

  // `base`: address that all frames lie behind, by less than 4 GiB.
  TaskAggregator(DeviceQueue& queue, const std::uint8_t* base, const AggregateLimits& limits);
  ~TaskAggregator();
  TaskAggregator(const TaskAggregator&) = delete;
  TaskAggregator& operator=(const TaskAggregator&) = delete;

  // Takes the batch; `mask` (not 0) is Graph::offload_mask(). False: no task is
  // free, the batch is still the caller's: poll() and take() first.
  [[nodiscard]] bool add(Batch* batch, Walk* walk, Mask mask, Offload* offload, std::uint64_t now_ns) noexcept;
  // Submits what is due and collects what is finished. True: something moved.
  bool poll(std::uint64_t now_ns) noexcept;
  // Closes all open tasks whatever their size; the next poll() submits them.
  void flush() noexcept;
  // Next batch whose results are there.
  bool take(Ready& out) noexcept;

  // No batch is held here.
  bool idle() const noexcept { return held_batches_ == 0; }
  unsigned held_batches() const noexcept { return held_batches_; }
  // The device refused for good; tasks run here from now on.
  bool gone() const noexcept { return gone_; }
  const AggregateStats& stats() const noexcept { return stats_; }

 private:
  struct Item {
    Batch* batch;
    Walk* walk;
    std::uint32_t first;  // index of its first result
  };
  enum class State : std::uint8_t { kFree, kOpen, kClosed, kInFlight, kDone };
  struct Task {
    DeviceTask device;
    State state = State::kFree;
    Offload* offload = nullptr;
    std::uint64_t opened_ns = 0;
    std::unique_ptr<std::uint32_t[]> words;  // offset, length, result
    std::unique_ptr<Item[]> items;
    std::uint32_t item_count = 0;
    std::uint32_t item_taken = 0;
  };

  Task* open_task(Offload* offload, std::uint64_t now_ns) noexcept;
  void gather(Task& t, const Batch& b, Mask mask) noexcept;
  void close(Task& t) noexcept;
  bool submit_closed(std::uint64_t now_ns) noexcept;
  bool collect(std::uint64_t now_ns) noexcept;
  void run_here(Task& t) noexcept;
  void finish(Task& t) noexcept;
  void release_taken() noexcept;
  Task& leaving(std::uint32_t place) noexcept { return *leaving_[place % leaving_.size()]; }

  DeviceQueue& queue_;
  const std::uint8_t* base_;
  AggregateLimits limits_;
  std::vector<Task> tasks_;
  // Tasks from close() to the last take(), oldest first: places head_ .. tail_ - 1
  // of a ring; those before submit_ have been submitted or run here.
  std::vector<Task*> leaving_;
  std::uint32_t head_ = 0;
  std::uint32_t submit_ = 0;
  std::uint32_t tail_ = 0;
  unsigned held_batches_ = 0;
  bool gone_ = false;
  AggregateStats stats_;
};

}  // namespace fulcrum
