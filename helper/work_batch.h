// SPDX-License-Identifier: MIT
// work_batch.h - a batch on its way through a worker, and what elements made of its packets.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "device/aggregate.h"
#include "fulcrum/batch.h"
#include "pipeline/graph.h"

namespace fulcrum {

class RxQueue;
struct WorkerPipeline;

// Holder: the worker, or the task of a device.
struct WorkBatch {
  static constexpr std::uint8_t kNoSlot = 0xff;

  Batch batch;
  Walk walk;
  RxQueue* queue = nullptr;  // that it, or what it was made of, was received from
  unsigned ring = 0;
  bool done = false;                   // has all its verdicts, waits for its turn to retire
  WorkerPipeline* pipeline = nullptr;  // whose elements it walks through

  // Batches that elements made of packets of this one, in order of creation.
  WorkBatch* parent = nullptr;  // null: it was received
  WorkBatch* first_made = nullptr;
  WorkBatch* last_made = nullptr;
  WorkBatch* next_made = nullptr;  // of the same parent
  unsigned open = 0;               // walks not over: its own and, each as one, those of what was made of it
  // In a made batch: the slots that come from packet i of the parent, as a list.
  std::array<std::uint8_t, kBatchSize> first_of, last_of, next_of;
};

// A bounded first-in first-out of pointers; capacity is a power of two.
template <class T, unsigned kCapacity>
class Fifo {
 public:
  bool empty() const noexcept { return head_ == tail_; }
  bool full() const noexcept { return tail_ - head_ == kCapacity; }
  unsigned size() const noexcept { return tail_ - head_; }
  void push(T v) noexcept { at_[tail_++ % kCapacity] = v; }
  T front() const noexcept { return at_[head_ % kCapacity]; }
  T pop() noexcept { return at_[head_++ % kCapacity]; }
  T at(unsigned i) const noexcept { return at_[(head_ + i) % kCapacity]; }

 private:
  std::array<T, kCapacity> at_{};
  unsigned head_ = 0, tail_ = 0;
};

// A device as one worker's part of a pipeline uses it.
struct WorkerDevice {
  std::unique_ptr<TaskAggregator> tasks;
  AggregateStats before;  // sums of the pipelines before. Threads: control
  AggregateStats sums() const {
    AggregateStats all = before;
    all.add(tasks->stats());
    return all;
  }
  static constexpr unsigned kBatches = 1024;
  Fifo<WorkBatch*, kBatches> waiting;  // batches for which no task was free
};

// One worker's part of a pipeline. Made and destroyed by the control thread; the
// worker's in between.
struct WorkerPipeline {
  std::unique_ptr<Graph> graph;                        // outlives the aggregators, which point into it
  std::vector<std::unique_ptr<WorkerDevice>> devices;  // by ring, less 1
  unsigned batches = 0;                                // received ones that have not retired
};

}  // namespace fulcrum
