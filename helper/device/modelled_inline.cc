// SPDX-License-Identifier: MIT
// modelled_inline.cc - tasks of a queue -> its thread -> back in order.
#include "device/modelled_inline.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace fulcrum {
namespace {

constexpr std::uint64_t kSpinNs = 20'000;  // then an idle thread sleeps
constexpr std::size_t kImageAlign = 64;
constexpr int kPoison = 0xa5;  // device memory that nobody wrote

struct Free {
  void operator()(std::uint8_t* p) const { std::free(p); }
};
using Memory = std::unique_ptr<std::uint8_t[], Free>;

Memory aligned_memory(std::uint64_t bytes) {
  const std::uint64_t whole = (bytes + kImageAlign - 1) / kImageAlign * kImageAlign;
  return Memory(static_cast<std::uint8_t*>(std::aligned_alloc(kImageAlign, whole)));
}

// Memory order: the worker fills a Job, then releases `submitted_`; the thread
// acquires it, runs, then releases `finished_`; the worker acquires that.
// Jobs of the ring [polled_, submitted_) are in flight.
class InlineQueue final : public DeviceQueue {
 public:
  InlineQueue(const InlineConfig& config, std::shared_ptr<std::atomic<bool>> closed)
      : config_(config), closed_(std::move(closed)), jobs_(config.max_in_flight), thread_([this] { serve(); }) {}

  ~InlineQueue() override {
    stop_.store(true, std::memory_order_relaxed);
    wake();
    thread_.join();
  }

  Result<ImageMemory> allocate(std::uint64_t bytes) override {
    Memory host = aligned_memory(bytes);
    Memory own = config_.staged ? aligned_memory(bytes) : Memory();
    if (!host || (config_.staged && !own))
      return Error{"inline device: " + std::to_string(bytes) + " bytes: no memory"};
    if (own) std::memset(own.get(), kPoison, bytes);
    const ImageMemory image{host.get(), bytes, own.get()};
    memory_.push_back(std::move(host));
    if (own) memory_.push_back(std::move(own));
    return image;
  }

  bool in_place() const noexcept override { return !config_.staged; }

  DeviceStatus submit(DeviceTask* task) noexcept override {
    if (abandoned_ || closed_->load(std::memory_order_relaxed)) return DeviceStatus::kGone;
    if (in_flight() == jobs_.size()) return DeviceStatus::kFull;
    const std::uint64_t n = submitted_.load(std::memory_order_relaxed);
    Job& job = jobs_[n % jobs_.size()];
    task->failed = false;
    job.owner = task;
    job.task = *task;  // the owner may not wait for it
    submitted_.store(n + 1, std::memory_order_release);
    wake();
    return DeviceStatus::kOk;
  }

  DeviceTask* poll() noexcept override {
    if (abandoned_ || polled_ == finished_.load(std::memory_order_acquire)) return nullptr;
    Job& job = jobs_[polled_++ % jobs_.size()];
    job.owner->service_ns = job.task.service_ns;
    for (TaskStage& s : job.task.stage) s.table.owner.reset();
    return job.owner;
  }

  unsigned in_flight() const noexcept override {
    return abandoned_ ? 0 : static_cast<unsigned>(submitted_.load(std::memory_order_relaxed) - polled_);
  }
  bool resident(const KernelTable&) noexcept override { return true; }
  void abandon() noexcept override { abandoned_ = true; }

 private:
  struct Job {
    DeviceTask* owner = nullptr;
    DeviceTask task;
  };

  void wake() noexcept {
    signal_.fetch_add(1, std::memory_order_release);
    signal_.notify_one();
  }

  void serve() noexcept {
    std::uint64_t next = 0, idle_since_ns = now_ns();
    while (!stop_.load(std::memory_order_relaxed)) {
      const std::uint32_t signal = signal_.load(std::memory_order_acquire);
      if (next != submitted_.load(std::memory_order_acquire)) {
        run(jobs_[next % jobs_.size()].task);
        finished_.store(++next, std::memory_order_release);
        idle_since_ns = now_ns();
      } else if (now_ns() - idle_since_ns > kSpinNs && !stop_.load(std::memory_order_relaxed)) {
        signal_.wait(signal, std::memory_order_acquire);
      }
    }
  }

  static void run(DeviceTask& task) noexcept {
    const std::uint64_t start_ns = now_ns();
    std::uint8_t* const host = task.image.host;
    auto* const own = static_cast<std::uint8_t*>(task.image.handle);
    if (own) {
      for (const Segment& s : task.in) std::memcpy(own + s.offset, host + s.offset, s.bytes);
      task.image.host = own;
    }
    run_stages(task, best_isa(), 0, task.count);
    if (own)
      for (const Segment& s : task.out) std::memcpy(host + s.offset, own + s.offset, s.bytes);
    task.service_ns = now_ns() - start_ns;
  }

  const InlineConfig config_;
  const std::shared_ptr<std::atomic<bool>> closed_;
  std::vector<Memory> memory_;
  std::vector<Job> jobs_;
  std::uint64_t polled_ = 0;
  bool abandoned_ = false;
  alignas(64) std::atomic<std::uint64_t> submitted_{0};
  std::atomic<std::uint32_t> signal_{0};
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<std::uint64_t> finished_{0};
  std::thread thread_;  // last: it sees all of the above
};

class InlineDevice final : public Device {
 public:
  explicit InlineDevice(const InlineConfig& config) : config_(config) {}
  ~InlineDevice() override { closed_->store(true, std::memory_order_relaxed); }

  Result<void> add_kernel(const KernelDecl& kernel) override {
    if (!kernel_for(kernel.cpu, best_isa()))
      return Error{std::string("kernel ") + kernel.name + ": has no code for " + isa_name(best_isa()) +
                   ": build it for x86-64-v2"};
    return {};
  }
  Result<void> load_table(const KernelTable&) override { return {}; }
  Result<std::unique_ptr<DeviceQueue>> open_queue(const std::uint8_t*, std::uint64_t) override {
    return std::unique_ptr<DeviceQueue>(std::make_unique<InlineQueue>(config_, closed_));
  }
  DeviceInfo info() const override {
    DeviceInfo info;
    info.name = info.kind = "inline";
    info.model = std::string("a thread a queue, ") + isa_name(best_isa());
    info.isa = isa_name(best_isa());
    info.in_place = !config_.staged;
    return info;
  }
  DeviceHealth health() const noexcept override { return DeviceHealth::kUp; }

 private:
  const InlineConfig config_;
  const std::shared_ptr<std::atomic<bool>> closed_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

std::unique_ptr<Device> make_inline_device(const InlineConfig& config) {
  return std::make_unique<InlineDevice>(config);
}

}  // namespace fulcrum
