// SPDX-License-Identifier: MIT
// opencl_core.h - what a device, its queues and its tables share.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "device/opencl_program.h"

namespace fulcrum::opencl {

// One kernel as built. Immutable; a queue makes cl_kernel objects of its own, whose arguments it sets.
struct BuiltKernel {
  const KernelDecl* decl = nullptr;
  std::shared_ptr<const BuiltProgram> program;
  std::size_t group = 1;  // work items a group
};

// Frames as the device sees them: one buffer over one region, as the specification asks.
struct Frames {
  const std::uint8_t* at = nullptr;
  std::uint64_t bytes = 0;
  std::vector<std::uint8_t> own;  // where they lie, if they are ours
  Buffer buffer;
};

// Sums since the device was opened. Threads: added to by workers, read by any.
struct Counters {
  std::atomic<std::uint64_t> tasks{0}, packets{0}, in_bytes{0}, out_bytes{0}, saved_bytes{0}, errors{0}, busy_ns{0};
  void add(std::atomic<std::uint64_t>& to, std::uint64_t n) noexcept { to.fetch_add(n, std::memory_order_relaxed); }
};

struct Core {
  FoundDevice found;
  Context context;
  bool shares_memory = false;     // nothing is copied
  std::uint64_t align_bytes = 1;  // of memory that the device uses where it is
  std::uint64_t most_bytes = 0;   // of one buffer
  Counters counters;

  std::atomic<bool> lost{false};
  void lose(const std::string& why) noexcept {
    note(why);
    lost.store(true, std::memory_order_release);
  }
  void note(const std::string& why) noexcept {
    counters.add(counters.errors, 1);
    const std::lock_guard lock(error_lock);
    error = why;
  }
  std::string last_error() const {
    const std::lock_guard lock(error_lock);
    return error;
  }

 private:
  mutable std::mutex error_lock;
  std::string error;
};

}  // namespace fulcrum::opencl
