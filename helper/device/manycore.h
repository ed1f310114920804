// SPDX-License-Identifier: MIT
// manycore.h - a pool of pinned threads as a device.
//
// A task is cut into slices, one a thread, of about equal packets or, for
// kernels without a byte limit, equal bytes. Each (queue, thread) pair has its
// own ring, so nothing on the data path is locked or shared between queues. The
// kernel is the one for the widest instruction set the CPU has.
//
// An idle thread spins for 20 µs, then sleeps until a submission wakes it:
// on a small machine the idle device leaves its CPU to others.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/cpu.h"
#include "device/device.h"
#include "fulcrum/result.h"

namespace fulcrum {

struct ManycoreConfig {
  unsigned threads = 0;        // 0: one for each CPU of `cpus`
  std::vector<int> cpus;       // empty: all allowed ones but the first
  unsigned max_in_flight = 4;  // tasks a queue takes before it says kFull
};

// The kernel's code for `isa`, or for the next lower one that it has.
KernelFn kernel_for(const KernelDecl& kernel, Isa isa);

class ManycorePool;

// Threads: see Device. A queue may outlive its device: it then says kGone, and
// what it had in flight is still finished.
class ManycoreDevice final : public Device {
 public:
  // Starts the threads and measures the launch latency.
  // Errors: a CPU that is not there or not allowed; too many threads.
  static Result<std::unique_ptr<ManycoreDevice>> open(const ManycoreConfig& config);
  ~ManycoreDevice() override;

  // Null: all kMaxQueues are in use.
  std::unique_ptr<DeviceQueue> open_queue() override;
  DeviceInfo info() const override;

  static constexpr unsigned kMaxThreads = 256;
  static constexpr unsigned kMaxQueues = 64;

 private:
  explicit ManycoreDevice(std::shared_ptr<ManycorePool> pool);
  void measure_launch();

  std::shared_ptr<ManycorePool> pool_;
  double launch_us_ = 0;
};

}  // namespace fulcrum
