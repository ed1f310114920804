// SPDX-License-Identifier: MIT
// cuda_context.h - one opened CUDA device: its context, its health, and all that was taken from it.
//
// The primary context is used as it is found (no flags, no exclusive mode, no
// reset), so that other processes, MPS and MIG go on beside us. Freeing memory
// waits for everything that runs on the device; it is therefore done only here,
// at the end, when nothing of ours runs. In between what is not needed is kept
// for the next who asks. Where something may still run, nothing is freed at all.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "device/cuda_api.h"
#include "fulcrum/result.h"

namespace fulcrum {

// A task image here and there. Units: bytes.
struct CudaImage {
  std::uint8_t* host = nullptr;  // pinned
  cuda::DeviceAddress device = 0;
  std::uint64_t bytes = 0;
};

// What one task in flight needs beside its image.
struct CudaLane {
  cuda::Stream stream = nullptr;
  cuda::Event start = nullptr;
  cuda::Event end = nullptr;
};

// How long the driver may take. Units: ms.
struct CudaLimits {
  unsigned step_ms = 10000;  // one step at start, or a piece of a table
  unsigned teardown_ms = 5000;
};

// Threads: any. Those marked (data path) neither allocate nor lock nor wait.
class CudaContext : public std::enable_shared_from_this<CudaContext> {
 public:
  // `selector`: "" or an ordinal, "GPU-…" or "MIG-…" (UUID, or the start of one), or a PCI bus id.
  static Result<std::shared_ptr<CudaContext>> open(std::shared_ptr<const cuda::Api> api, const std::string& selector,
                                                   const std::string& name, const CudaLimits& limits);
  // Takes at most limits().teardown_ms; what does not come back by then stays taken.
  ~CudaContext();

  const cuda::Api& api() const noexcept { return *api_; }
  const std::string& name() const noexcept { return name_; }
  const CudaLimits& limits() const noexcept { return limits_; }
  const std::string& model() const noexcept { return model_; }
  const std::string& isa() const noexcept { return isa_; }
  unsigned multiprocessors() const noexcept { return multiprocessors_; }
  bool can_map_host() const noexcept { return can_map_host_; }
  bool can_register_read_only() const noexcept { return read_only_; }

  // Makes the context current on this thread (data path).
  cuda::Status enter() noexcept;
  // Counts and keeps an error; a sticky one is the end of the device (data path).
  // `where` is a literal: "launch". Returns s == kSuccess.
  bool check(cuda::Status s, const char* where) noexcept;
  bool lost() const noexcept { return lost_.load(std::memory_order_acquire); }
  // Takes no more tasks, though CUDA did not call the error an end (data path).
  void give_up() noexcept {
    set_stuck();
    lost_.store(true, std::memory_order_release);
  }
  // Something of ours may run on for ever: nothing is given back from now on.
  void set_stuck() noexcept { stuck_.store(true, std::memory_order_relaxed); }
  bool stuck() const noexcept { return stuck_.load(std::memory_order_relaxed); }
  std::string last_error() const;  // "launch: CUDA_ERROR_… (…)", or empty
  std::uint64_t errors() const noexcept { return errors_.load(std::memory_order_relaxed); }

  // Setup. Errors name `what`, the sizes and what CUDA says.
  Result<cuda::DeviceAddress> allocate(std::uint64_t bytes, const std::string& what);
  Result<std::uint8_t*> allocate_host(std::uint64_t bytes, const std::string& what);
  Result<CudaImage> take_image(std::uint64_t bytes);
  void keep_image(const CudaImage& image);
  Result<CudaLane> take_lane();
  void keep_lane(const CudaLane& lane);
  Result<cuda::Module> load_module(const void* binary, const std::string& what);
  // Waits for an event, at most limits().step_ms. Context: control thread.
  Result<void> wait(cuda::Event event, const char* what);
  Error error(const std::string& what, cuda::Status s) const;

  // Runs `work` on a thread of its own; false: it did not return in time, and is left to itself.
  static bool run_bounded(std::function<void()> work, unsigned limit_ms);

 private:
  CudaContext(std::shared_ptr<const cuda::Api> api, std::string name, const CudaLimits& limits)
      : api_(std::move(api)), name_(std::move(name)), limits_(limits) {}
  Result<void> find_device(const std::string& selector);
  Result<void> find_by_uuid(const std::string& selector, int count);
  void read_properties();
  Result<void> out_of_memory(std::uint64_t bytes, const std::string& what, cuda::Status s) const;

  // All that has to be given back.
  struct Holdings {
    std::vector<cuda::DeviceAddress> device_memory;
    std::vector<void*> host_memory;
    std::vector<CudaLane> lanes;
    std::vector<cuda::Module> modules;
  };
  static void give_back(const cuda::Api& api, cuda::Context context, cuda::DeviceId device, const Holdings& all,
                        bool lost);

  const std::shared_ptr<const cuda::Api> api_;
  const std::string name_;
  const CudaLimits limits_;
  std::string model_, isa_;
  cuda::DeviceId device_ = 0;
  cuda::Context context_ = nullptr;
  std::uint64_t generation_ = 0;  // of all contexts of the process: handles are used again
  unsigned multiprocessors_ = 1;
  bool can_map_host_ = false, read_only_ = false;

  std::atomic<bool> lost_{false}, stuck_{false};
  std::atomic<int> last_status_{0};
  std::atomic<const char*> last_where_{nullptr};
  std::atomic<std::uint64_t> errors_{0};

  std::mutex mutex_;  // of what follows
  Holdings holdings_;
  std::vector<CudaImage> spare_images_;
  std::vector<CudaLane> spare_lanes_;
};

}  // namespace fulcrum
