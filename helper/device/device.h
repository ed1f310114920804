// SPDX-License-Identifier: MIT
// device.h - an accelerator as the worker sees it: submit a task, poll for it.
//
// Life of a device:
//   open              by backends.h, on the control thread
//   add_kernel        each kernel of the pipeline: compiled or loaded, before the first task
//   load_table        first version of each table
//   open_queue        one a worker, over the frames that tasks read
//   submit, poll      the worker
// A device that fails is thrown away and opened again (supervisor.h); what it
// still held is run on the cpu by the aggregator.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/code_range.h"
#include "fulcrum/isa.h"
#include "fulcrum/kernel.h"
#include "fulcrum/result.h"

namespace fulcrum {

inline constexpr unsigned kMaxStages = 4;  // kernels in a chain

// Memory of one task image: written by the worker, read and written by the
// device. Owned by the queue that made it; aligned to 64.
struct ImageMemory {
  std::uint8_t* host = nullptr;
  std::uint64_t bytes = 0;
  void* handle = nullptr;  // the back end's own
};

// A run of bytes of the image. Units: bytes.
struct Segment {
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
};

// A list of segments; one that touches the last is joined to it.
class SegmentList {
 public:
  void clear() noexcept { count_ = 0; }
  void add(std::uint32_t offset, std::uint32_t bytes) noexcept {
    if (!bytes) return;
    if (count_ && at_[count_ - 1].offset + at_[count_ - 1].bytes == offset)
      at_[count_ - 1].bytes += bytes;
    else
      at_[count_++] = {offset, bytes};
  }
  const Segment* begin() const noexcept { return at_.data(); }
  const Segment* end() const noexcept { return at_.data() + count_; }
  std::uint64_t total_bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const Segment& s : *this) sum += s.bytes;
    return sum;
  }

 private:
  std::array<Segment, 2 * kMaxStages + 2> at_{};
  unsigned count_ = 0;
};

struct TaskStage {
  const KernelDecl* kernel = nullptr;
  KernelTable table;
  fu_stage layout{};
};

// A run of items for a chain of kernels. Made and owned by the worker's task
// pool (task_image.h lays it out); lent to the device from submit() until poll()
// returns it. A device with memory of its own copies `in` there first and `out`
// back last, nothing else: what one stage leaves for the next stays there.
struct DeviceTask {
  std::array<TaskStage, kMaxStages> stage;
  unsigned stages = 0;
  std::uint32_t count = 0;               // items
  std::uint64_t read_bytes = 0;          // packet bytes that the widest stage reads
  const std::uint8_t* frames = nullptr;  // base of ranges that are read in place
  ImageMemory image;
  SegmentList in, out;
  std::uint64_t saved_bytes = 0;  // not copied because an earlier stage has them on the device
  std::uint64_t submit_ns = 0;
  std::uint64_t service_ns = 0;  // set by the device: copies and kernels, without the wait for their turn
  bool failed = false;           // set by the device: the out part is not valid
};

// Runs all stages of items first .. first + count - 1 by `isa`'s code.
// Threads: any, on disjoint items.
inline void run_stages(const DeviceTask& task, Isa isa, std::uint32_t first, std::uint32_t count) noexcept {
  for (unsigned s = 0; s < task.stages; ++s) {
    const TaskStage& stage = task.stage[s];
    const fu_task t{stage.layout, task.frames, task.image.host, static_cast<const std::uint8_t*>(stage.table.data)};
    kernel_for(stage.kernel->cpu, isa)(t, first, count);
  }
}

enum class DeviceStatus : std::uint8_t {
  kOk,
  kFull,  // poll() first
  kGone,  // device lost; run the task elsewhere
};

enum class DeviceHealth : std::uint8_t {
  kUp,
  kLost,  // broken: takes no more tasks; open a new one
};

// Sums since the device was opened.
struct DeviceInfo {
  std::string name;   // of the tier: "manycore", "gpu0"
  std::string kind;   // of the back end
  std::string model;  // "2 threads, x86-64-v4 (AVX-512, 512 bit)"
  std::string isa;    // what kernels are compiled to: "x86-64-v4", "sm_90", "OpenCL C 1.2"
  std::string error;  // why it is lost, or the last error
  DeviceHealth health = DeviceHealth::kUp;
  bool in_place = false;    // reads frames where they are; else ranges are gathered and copied
  double launch_us = 0;     // measured at start: empty task, submit to poll
  double copy_in_gbps = 0;  // measured at start, Gbit/s; 0: nothing is copied
  double copy_out_gbps = 0;
  std::uint64_t tasks = 0;
  std::uint64_t packets = 0;
  std::uint64_t in_bytes = 0;  // copied to the device (in place: read there)
  std::uint64_t out_bytes = 0;
  std::uint64_t saved_bytes = 0;
  std::uint64_t errors = 0;
  std::uint64_t busy_ns = 0;
};

// One submission queue of a device; a worker has its own.
// Threads: submit(), poll(), resident() and abandon() are the worker's.
class DeviceQueue {
 public:
  virtual ~DeviceQueue() = default;
  // Memory for one task. Context: setup. Errors: none left.
  virtual Result<ImageMemory> allocate(std::uint64_t bytes) = 0;
  // True: ranges are read from the frames in place; false: gathered into the image.
  virtual bool in_place() const noexcept = 0;
  // Starts work on `task`, returns at once. Owns on kOk the device, until poll() returns it.
  // Context: every stage's kernel was added and its table is resident.
  [[nodiscard]] virtual DeviceStatus submit(DeviceTask* task) noexcept = 0;
  // A finished task, in the order of submission, or null.
  virtual DeviceTask* poll() noexcept = 0;
  virtual unsigned in_flight() const noexcept = 0;
  // Can tasks with this version run? If not, it is brought aside, without blocking
  // (as a delta to the version before), and tasks go on with one that is.
  virtual bool resident(const KernelTable& table) noexcept = 0;
  // Tasks in flight will not be waited for any more. Their images stay the
  // device's; what they read in place may change under it.
  virtual void abandon() noexcept = 0;
};

// Threads: everything but info() and health() on the control thread.
class Device {
 public:
  virtual ~Device() = default;
  // Errors: the kernel has no code for this device, or does not compile (with the compiler's words).
  virtual Result<void> add_kernel(const KernelDecl& kernel) = 0;
  // Returns when the version is there. Errors: out of device memory.
  virtual Result<void> load_table(const KernelTable& table) = 0;
  // `frames`: what tasks read in place, `frames_bytes` long, or null. Errors: no queue left.
  virtual Result<std::unique_ptr<DeviceQueue>> open_queue(const std::uint8_t* frames, std::uint64_t frames_bytes) = 0;
  // Lets go of kernels whose declaration is in `code`, and of versions of tables that nobody
  // else holds, before the code that made them is unmapped.
  // Context: queues of those who used them are closed.
  // Errors: a queue or a task still has one; again a moment later.
  virtual Result<void> forget(const CodeRange& code) {
    (void)code;
    return {};
  }
  virtual DeviceInfo info() const = 0;
  virtual DeviceHealth health() const noexcept = 0;
};

}  // namespace fulcrum
