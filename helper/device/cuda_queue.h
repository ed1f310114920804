// SPDX-License-Identifier: MIT
// cuda_queue.h - tasks of one worker -> streams of a CUDA device -> finished tasks, in order.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "device/cuda_context.h"
#include "device/cuda_frames.h"
#include "device/cuda_tables.h"
#include "device/device.h"

namespace fulcrum {

struct CudaKernel {
  std::atomic<const KernelDecl*> kernel{nullptr};  // written last; null: the place is free
  cuda::Function function = nullptr;
  unsigned block = 128;  // most threads that still fill a multiprocessor
};

// Kernels of a device. Threads: add(), forget() the control thread, find() any (data path).
class CudaKernels {
 public:
  Result<void> add(CudaContext& context, const KernelDecl& kernel);
  const CudaKernel* find(const KernelDecl* kernel) const noexcept;
  // Their modules stay with the context: to unload one may wait for the whole device.
  void forget(const CodeRange& code) noexcept;

 private:
  static constexpr unsigned kMost = 256;
  std::array<CudaKernel, kMost> at_{};
  std::atomic<unsigned> count_{0};
};

// Of all queues of a device. Threads: any.
struct CudaTotals {
  std::atomic<std::uint64_t> tasks{0}, packets{0}, in_bytes{0}, out_bytes{0}, saved_bytes{0}, busy_ns{0};
  void reset() noexcept {
    for (auto* total : {&tasks, &packets, &in_bytes, &out_bytes, &saved_bytes, &busy_ns}) total->store(0);
  }
};

// What the queues of a device have in common; outlives the device while a queue is left.
struct CudaShared {
  std::shared_ptr<CudaContext> context;
  std::shared_ptr<CudaTables> tables;
  CudaKernels kernels;
  CudaTotals totals;
  unsigned max_in_flight = 4;
  unsigned drain_ms = 2000;  // a queue that closes waits this long for its tasks
  ~CudaShared() {
    if (tables) tables->stop();
  }
};

// One stream and two events a task in flight: copies and kernels of different
// tasks overlap, stages of one task follow each other. Nobody waits in the
// driver: the end of a task is an event that is asked for.
class CudaQueue final : public DeviceQueue {
 public:
  // `mapped`: frames read in place, or null.
  static Result<std::unique_ptr<CudaQueue>> open(std::shared_ptr<CudaShared> shared, std::shared_ptr<CudaFrames> mapped,
                                                 const std::uint8_t* frames);
  // Waits for tasks, at most drain_ms; what is still in flight keeps its memory for good.
  ~CudaQueue() override;
  CudaQueue(const CudaQueue&) = delete;
  CudaQueue& operator=(const CudaQueue&) = delete;

  Result<ImageMemory> allocate(std::uint64_t bytes) override;
  bool in_place() const noexcept override { return mapped_ != nullptr; }
  DeviceStatus submit(DeviceTask* task) noexcept override;
  DeviceTask* poll() noexcept override;
  unsigned in_flight() const noexcept override { return abandoned_ ? 0 : static_cast<unsigned>(submitted_ - polled_); }
  bool resident(const KernelTable& table) noexcept override;
  void abandon() noexcept override { abandoned_ = true; }

 private:
  struct Slot {
    CudaLane lane;
    DeviceTask* task = nullptr;
    std::array<CudaReplica*, kMaxStages> table{};
    bool recorded = false;  // lane.end will tell when it is done
  };
  // A table as of the last two versions that were found resident: a task that
  // is being filled may still be on the older one.
  struct Pin {
    std::uint64_t key = 0;
    std::array<CudaReplica*, 2> replica{};
    std::array<std::uint64_t, 2> version{};
  };

  CudaQueue(std::shared_ptr<CudaShared> shared, std::shared_ptr<CudaFrames> mapped, const std::uint8_t* frames)
      : shared_(std::move(shared)), context_(*shared_->context), mapped_(std::move(mapped)), frames_(frames) {}
  bool take_tables(Slot& slot) noexcept;
  bool enqueue(Slot& slot) noexcept;
  bool launch(const Slot& slot, unsigned stage, const CudaImage& image) noexcept;
  DeviceTask* finish(Slot& slot, bool failed) noexcept;
  bool slot_done(const Slot& slot) noexcept;
  void pin(std::uint64_t key, std::uint64_t version, CudaReplica* replica) noexcept;

  const std::shared_ptr<CudaShared> shared_;
  CudaContext& context_;
  std::shared_ptr<CudaFrames> mapped_;
  const std::uint8_t* const frames_;
  cuda::DeviceAddress device_frames_ = 0;
  std::vector<Slot> slots_;  // a ring: [polled_, submitted_) are in flight
  std::uint64_t submitted_ = 0;
  std::uint64_t polled_ = 0;
  bool abandoned_ = false;
  std::deque<CudaImage> images_;
  std::array<Pin, 16> pins_{};
};

}  // namespace fulcrum
