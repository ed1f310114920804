// SPDX-License-Identifier: MIT
// opencl_queue.h - tasks: enqueued, polled for, retired in order.
//
// All commands of a task go to one in-order command queue at once: its segments
// to the device, a launch a stage, its segments back. The worker then only asks
// for the state of the last command.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "device/opencl_tables.h"

namespace fulcrum::opencl {

// A task image. ImageMemory::handle points to one. Where memory is shared, `device` is made of `host` itself.
struct Image {
  Buffer device;
  Buffer pinned;  // host's copy, mapped for good; else empty
  std::uint8_t* host = nullptr;
  std::uint64_t bytes = 0;
};

struct QueueOptions {
  unsigned max_in_flight = 4;
  bool forget_counts = false;  // measuring
};

class Queue final : public DeviceQueue {
 public:
  // `frames` is null where nothing is read in place.
  static Result<std::unique_ptr<Queue>> open(std::shared_ptr<Core> core, std::shared_ptr<TableStore> tables,
                                             const std::vector<BuiltKernel>& kernels, std::shared_ptr<Frames> frames,
                                             const QueueOptions& options);
  // Waits a moment for what runs. What then still runs keeps its memory for ever.
  ~Queue() override;

  Result<ImageMemory> allocate(std::uint64_t bytes) override;
  bool in_place() const noexcept override { return state_->frames != nullptr; }
  DeviceStatus submit(DeviceTask* task) noexcept override;
  DeviceTask* poll() noexcept override;
  unsigned in_flight() const noexcept override { return abandoned_ ? 0 : count_; }
  bool resident(const KernelTable& table) noexcept override { return view_.resident(table); }
  void abandon() noexcept override { abandoned_ = true; }

 private:
  struct QueueKernel {
    const KernelDecl* decl = nullptr;
    Kernel kernel;
    std::size_t group = 1;
  };
  // Most commands of one task.
  static constexpr unsigned kMostEvents = 2 * (2 * kMaxStages + 2) + kMaxStages;
  struct Slot {
    DeviceTask* task = nullptr;
    std::array<cl_event, kMostEvents> event{};
    unsigned events = 0;
    cl_int error = 0;  // of a command that could not be enqueued
    std::array<TableRef, kMaxStages> table;
  };
  // All that a running task needs, so that it can be left behind in one piece.
  struct State {
    std::shared_ptr<Core> core;
    std::shared_ptr<Frames> frames;
    CommandQueue queue;
    std::vector<QueueKernel> kernels;
    std::vector<std::unique_ptr<Image>> images;
    std::vector<Slot> slots;
    ~State();
  };

  Queue() = default;
  const QueueKernel* kernel_of(const KernelDecl* decl) const noexcept;
  cl_int launch(Slot& slot, unsigned stage) noexcept;
  cl_int enqueue(Slot& slot) noexcept;
  void retire(Slot& slot, int status) noexcept;
  std::uint64_t service_ns(const Slot& slot) const noexcept;
  int state_of(const Slot& slot) const noexcept;
  bool drained() const noexcept;

  std::unique_ptr<State> state_;
  TableView view_;
  QueueOptions options_;
  unsigned head_ = 0, count_ = 0;  // of slots
  bool abandoned_ = false;
};

}  // namespace fulcrum::opencl
