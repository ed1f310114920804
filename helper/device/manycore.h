// SPDX-License-Identifier: MIT
// manycore.h - a pool of pinned threads as a device.
//
// A task is cut into slices, one a thread, of about equal packets or, for
// kernels without a byte limit, equal bytes; a slice goes through all kernels of
// the chain, so that its bytes stay in the thread's cache. Each (queue, thread) pair has its
// own ring, so nothing on the data path is locked or shared between queues. The
// kernel is the one for the widest instruction set the CPU has.
//
// An idle thread spins for 20 µs, then sleeps until a submission wakes it:
// on a small machine the idle device leaves its CPU to others.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/cpu.h"
#include "device/device.h"
#include "fulcrum/result.h"

namespace fulcrum {

struct ManycoreConfig {
  unsigned threads = 0;        // 0: one for each CPU of `cpus`
  std::vector<int> cpus;       // empty: all allowed ones but the first
  unsigned max_in_flight = 4;  // tasks a queue takes before it says kFull
  std::optional<Isa> isa;      // of the kernels; none: the best that the CPU has
};

class ManycorePool;

// Threads: see Device. A queue may outlive its device: it then says kGone, and
// what it had in flight is still finished.
class ManycoreDevice final : public Device {
 public:
  // Starts the threads and measures the launch latency.
  // Errors: a CPU that is not there or not allowed; too many threads.
  static Result<std::unique_ptr<ManycoreDevice>> open(const ManycoreConfig& config);
  ~ManycoreDevice() override;

  Result<void> add_kernel(const KernelDecl&) override { return {}; }   // linked in
  Result<void> load_table(const KernelTable&) override { return {}; }  // read where it is
  // Errors: all kMaxQueues are in use.
  Result<std::unique_ptr<DeviceQueue>> open_queue(const std::uint8_t* frames, std::uint64_t frames_bytes) override;
  DeviceInfo info() const override;
  DeviceHealth health() const noexcept override { return DeviceHealth::kUp; }

  static constexpr unsigned kMaxThreads = 256;
  static constexpr unsigned kMaxQueues = 64;

 private:
  explicit ManycoreDevice(std::shared_ptr<ManycorePool> pool);
  void measure_launch();

  std::shared_ptr<ManycorePool> pool_;
  double launch_us_ = 0;
};

}  // namespace fulcrum
