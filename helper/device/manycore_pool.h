// SPDX-License-Identifier: MIT
// manycore_pool.h - the threads of the manycore device and the rings to them.
//
// Memory order, in the order of a task's life:
//  1. The submitter fills a Job, then pushes its slices. The ring's release and
//     acquire make the Job visible to the thread that pops a slice.
//  2. A thread writes results and times of its slice, then decrements
//     Job::remaining (release). The last decrement ends the release sequence of
//     all, so the poller, who acquires 0, sees every slice's results.
//  3. Sleep: a thread exchanges Lane::asleep to 1, then looks at its rings once
//     more. A submitter pushes, then exchanges asleep to 0. Both exchanges are on
//     one variable, so one comes first: either the submitter reads 1 and wakes,
//     or the thread's exchange acquires the submitter's and sees the push.
#pragma once

#include <array>
#include <atomic>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cpu.h"
#include "base/spsc_ring.h"
#include "device/manycore.h"
#include "fulcrum/count.h"

namespace fulcrum {

struct ManycoreSlice {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
};

// One task in flight. The threads work from the copy: its owner may use the task
// itself again once the queue is abandoned, while a slow kernel still runs.
// Owns: with the copy, the table versions that it reads.
struct ManycoreJob {
  DeviceTask* task = nullptr;
  DeviceTask copy;
  std::vector<ManycoreSlice> slices;  // [threads]
  std::atomic<std::uint32_t> remaining{0};
};

struct ManycoreWork {
  ManycoreJob* job = nullptr;
  std::uint32_t slice = 0;
};

// The pool's side of one queue. Lives as long as the pool; used again by a later
// queue once its owner has none in flight.
struct ManycoreLink {
  bool in_use = false;                                        // under ManycorePool's mutex
  std::vector<std::unique_ptr<SpscRing<ManycoreWork>>> ring;  // [threads]
  Count tasks, packets, in_bytes, out_bytes, saved_bytes;     // written by the queue's owner
};

// Threads: open_link() and close_link() any, rarely; push() each link's owner.
class ManycorePool {
 public:
  // Errors: text of what could not be done; the pool is then useless.
  static Result<std::shared_ptr<ManycorePool>> start(std::vector<int> cpus, unsigned threads, unsigned max_in_flight,
                                                     Isa isa);
  ~ManycorePool();

  ManycoreLink* open_link();
  void close_link(ManycoreLink* link);
  void push(ManycoreLink& link, unsigned thread, ManycoreWork work) noexcept;

  unsigned threads() const noexcept { return static_cast<unsigned>(lanes_.size()); }
  const std::vector<int>& cpus() const noexcept { return cpus_; }
  unsigned max_in_flight() const noexcept { return max_in_flight_; }
  Isa isa() const noexcept { return isa_; }
  std::string model() const;
  void add_totals(DeviceInfo& info) const;
  void reset_totals();  // while no link is in use

  std::atomic<bool> closed{false};  // the device is gone: refuse new tasks

 private:
  struct alignas(64) Lane {
    std::atomic<std::uint32_t> asleep{0};  // futex word
    Count busy_ns;
    int cpu = 0;
    unsigned index = 0;
    std::string error;  // written before the start latch
    std::thread thread;
  };

  ManycorePool(std::vector<int> cpus, unsigned threads, unsigned max_in_flight, Isa isa);
  void serve(Lane& lane, std::latch& started);
  bool run_pending(Lane& lane) noexcept;
  void run(Lane& lane, ManycoreWork work) noexcept;
  void wake(Lane& lane) noexcept;

  const unsigned max_in_flight_;
  const Isa isa_;
  std::vector<int> cpus_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::mutex links_mutex_;
  std::array<std::unique_ptr<ManycoreLink>, ManycoreDevice::kMaxQueues> links_;
  std::atomic<unsigned> link_count_{0};  // links_[0 .. link_count_ - 1] exist
  std::atomic<bool> stop_{false};
};

}  // namespace fulcrum
