// SPDX-License-Identifier: MIT
// manycore.cc - queues: cut a task into slices, collect tasks in order.
#include "device/manycore.h"

#include <sched.h>

#include <algorithm>
#include <mutex>

#include "base/clock.h"
#include "device/lane.h"
#include "device/manycore_pool.h"

namespace fulcrum {
namespace {

// A slice should outweigh the cost of handing it over (about 1 µs).
constexpr std::uint32_t kSliceMinPackets = 64;
constexpr std::uint64_t kSliceMinBytes = 8192;
constexpr std::uint64_t kDrainLimit_ns = 2'000'000'000;

// Threads: submit() and poll() one; see manycore_pool.h for the other side.
class ManycoreQueue final : public DeviceQueue {
 public:
  ManycoreQueue(std::shared_ptr<ManycorePool> pool, ManycoreLink* link)
      : pool_(std::move(pool)), link_(link), jobs_(pool_->max_in_flight()) {
    for (ManycoreJob& job : jobs_) job.slices.resize(pool_->threads());
  }

  // Work in flight touches the owner's buffers: wait for it.
  // A kernel that never ends keeps its thread and all it works with for good.
  ~ManycoreQueue() override {
    const std::uint64_t give_up_ns = now_ns() + kDrainLimit_ns;
    while (!drained() && now_ns() < give_up_ns) std::this_thread::yield();
    if (!drained()) {
      keep_for_good({pool_, std::move(jobs_), std::move(images_)});
      return;
    }
    pool_->close_link(link_);
  }

  Result<ImageMemory> allocate(std::uint64_t bytes) override {
    auto image = std::make_unique<HostImages>(bytes, 1);
    const ImageMemory memory = image->image(0);
    if (!memory.host) return Error{"manycore: no memory for a task of " + std::to_string(bytes >> 10) + " KiB"};
    images_.push_back(std::move(image));
    return memory;
  }
  bool in_place() const noexcept override { return true; }
  bool resident(const KernelTable&) noexcept override { return true; }
  void abandon() noexcept override { abandoned_ = true; }

  DeviceStatus submit(DeviceTask* task) noexcept override {
    if (abandoned_ || pool_->closed.load(std::memory_order_relaxed)) return DeviceStatus::kGone;
    if (in_flight() == jobs_.size()) return DeviceStatus::kFull;
    ManycoreJob& job = jobs_[submitted_++ % jobs_.size()];
    task->failed = false;
    job.task = task;
    job.copy = *task;
    const unsigned slices = cut(job);
    job.remaining.store(slices, std::memory_order_relaxed);
    for (unsigned s = 0; s < slices; ++s) {
      pool_->push(*link_, next_thread_, {&job, s});
      next_thread_ = next_thread_ + 1 == pool_->threads() ? 0 : next_thread_ + 1;
    }
    job_slices_[(submitted_ - 1) % jobs_.size()] = slices;
    return DeviceStatus::kOk;
  }

  DeviceTask* poll() noexcept override {
    if (!in_flight() || abandoned_) return nullptr;
    const std::size_t at = polled_ % jobs_.size();
    ManycoreJob& job = jobs_[at];
    if (job.remaining.load(std::memory_order_acquire)) return nullptr;
    ++polled_;
    std::uint64_t start_ns = ~std::uint64_t{0}, end_ns = 0;
    for (unsigned s = 0; s < job_slices_[at]; ++s) {
      start_ns = std::min(start_ns, job.slices[s].start_ns);
      end_ns = std::max(end_ns, job.slices[s].end_ns);
    }
    for (TaskStage& stage : job.copy.stage) stage.table = {};
    job.task->service_ns = end_ns - start_ns;
    link_->tasks.add(1);
    link_->packets.add(job.task->count);
    link_->in_bytes.add(job.task->read_bytes);
    link_->out_bytes.add(job.task->out.total_bytes());
    link_->saved_bytes.add(job.task->saved_bytes);
    return job.task;
  }

  unsigned in_flight() const noexcept override { return static_cast<unsigned>(submitted_ - polled_); }

 private:
  struct Kept {
    std::shared_ptr<ManycorePool> pool;
    std::vector<ManycoreJob> jobs;
    std::vector<std::unique_ptr<HostImages>> images;
  };
  // Never destroyed: a pool waits for its threads.
  static void keep_for_good(Kept what) {
    static std::mutex mutex;
    static auto* kept = new std::vector<Kept>;
    std::lock_guard lock(mutex);
    kept->push_back(std::move(what));
  }

  // Has all that was submitted ended? The tasks themselves may be gone.
  bool drained() noexcept {
    while (in_flight() && !jobs_[polled_ % jobs_.size()].remaining.load(std::memory_order_acquire)) ++polled_;
    return !in_flight();
  }

  // Fills job.slices; returns how many.
  unsigned cut(ManycoreJob& job) noexcept {
    const DeviceTask& t = *job.task;
    if (!t.stages) return job.slices[0].first = 0, job.slices[0].count = t.count, 1;
    const fu_stage& first_stage = t.stage[0].layout;
    const bool by_bytes = first_stage.max_bytes == 0;
    const auto* range = reinterpret_cast<const std::uint32_t*>(t.image.host + first_stage.range_off);
    std::uint64_t all_bytes = 0;
    if (by_bytes)
      for (std::uint32_t k = 0; k < t.count; ++k) all_bytes += range[2 * k + 1];
    const std::uint64_t units = by_bytes ? all_bytes / kSliceMinBytes : t.count / kSliceMinPackets;
    const auto slices = static_cast<unsigned>(std::clamp<std::uint64_t>(units, 1, pool_->threads()));
    std::uint32_t at = 0;
    std::uint64_t seen_bytes = 0;
    for (unsigned s = 0; s < slices; ++s) {
      const std::uint32_t first = at;
      if (s + 1 == slices) {
        at = t.count;
      } else if (by_bytes) {
        const std::uint64_t goal = all_bytes * (s + 1) / slices;
        while (at < t.count && seen_bytes < goal) seen_bytes += range[2 * at++ + 1];
      } else {
        at = static_cast<std::uint32_t>(std::uint64_t{t.count} * (s + 1) / slices);
      }
      job.slices[s].first = first;
      job.slices[s].count = at - first;
    }
    return slices;
  }

  const std::shared_ptr<ManycorePool> pool_;
  ManycoreLink* const link_;
  std::vector<ManycoreJob> jobs_;  // a ring: [polled_, submitted_) are in flight
  std::vector<unsigned> job_slices_ = std::vector<unsigned>(jobs_.size());
  std::uint64_t submitted_ = 0;
  std::uint64_t polled_ = 0;
  unsigned next_thread_ = 0;
  bool abandoned_ = false;
  std::vector<std::unique_ptr<HostImages>> images_;
};

// Keeps the calling thread off the pool's CPUs, as a worker is, where there are others.
class OffPool {
 public:
  explicit OffPool(const std::vector<int>& pool) {
    cpu_set_t other;
    if (sched_getaffinity(0, sizeof before_, &before_) != 0) return;
    other = before_;
    for (int cpu : pool)
      if (cpu < CPU_SETSIZE) CPU_CLR(cpu, &other);
    moved_ = CPU_COUNT(&other) && sched_setaffinity(0, sizeof other, &other) == 0;
  }
  ~OffPool() {
    if (moved_) sched_setaffinity(0, sizeof before_, &before_);
  }
  OffPool(const OffPool&) = delete;
  OffPool& operator=(const OffPool&) = delete;

 private:
  cpu_set_t before_{};
  bool moved_ = false;
};

std::vector<int> cpus_to_use(const ManycoreConfig& config) {
  if (!config.cpus.empty()) return config.cpus;
  std::vector<int> cpus = allowed_cpus();
  if (cpus.size() > 1) cpus.erase(cpus.begin());
  return cpus;
}

}  // namespace

ManycoreDevice::ManycoreDevice(std::shared_ptr<ManycorePool> pool) : pool_(std::move(pool)) {}

Result<std::unique_ptr<ManycoreDevice>> ManycoreDevice::open(const ManycoreConfig& config) {
  const std::vector<int> cpus = cpus_to_use(config);
  const std::size_t threads = config.threads ? config.threads : std::min<std::size_t>(cpus.size(), kMaxThreads);
  if (threads > kMaxThreads)
    return Error{"manycore: " + std::to_string(threads) + " threads: at most " + std::to_string(kMaxThreads)};
  const unsigned max_in_flight = std::max(config.max_in_flight, 1u);
  if (config.isa && !isa_supported(*config.isa))
    return Error{std::string("manycore: this CPU cannot run ") + isa_name(*config.isa)};
  const Isa isa = config.isa.value_or(best_isa());
  auto pool = ManycorePool::start(cpus, static_cast<unsigned>(threads), max_in_flight, isa);
  if (!pool) return pool.error();
  std::unique_ptr<ManycoreDevice> device(new ManycoreDevice(std::move(*pool)));
  device->measure_launch();
  return device;
}

ManycoreDevice::~ManycoreDevice() { pool_->closed.store(true, std::memory_order_relaxed); }

// Median of a run of empty tasks, threads awake: what a busy device costs.
void ManycoreDevice::measure_launch() {
  constexpr unsigned kRuns = 65;
  const OffPool elsewhere(pool_->cpus());
  auto opened = open_queue(nullptr, 0);
  if (!opened) return;
  std::unique_ptr<DeviceQueue> queue = std::move(*opened);
  DeviceTask task;  // no stages: an empty one
  std::vector<std::uint64_t> took_ns;
  for (unsigned i = 0; i < kRuns; ++i) {
    const std::uint64_t start_ns = now_ns();
    if (queue->submit(&task) != DeviceStatus::kOk) return;
    for (unsigned spins = 0; !queue->poll(); ++spins)
      if (spins > 1000) std::this_thread::yield();  // the pool may share our CPU
    took_ns.push_back(now_ns() - start_ns);
  }
  std::nth_element(took_ns.begin(), took_ns.begin() + kRuns / 2, took_ns.end());
  launch_us_ = static_cast<double>(took_ns[kRuns / 2]) / 1000;
  queue.reset();
  pool_->reset_totals();
}

Result<std::unique_ptr<DeviceQueue>> ManycoreDevice::open_queue(const std::uint8_t*, std::uint64_t) {
  ManycoreLink* link = pool_->open_link();
  if (!link) return Error{"manycore: all " + std::to_string(kMaxQueues) + " queues are in use: lower workers"};
  return std::unique_ptr<DeviceQueue>(std::make_unique<ManycoreQueue>(pool_, link));
}

DeviceInfo ManycoreDevice::info() const {
  DeviceInfo info;
  info.name = info.kind = "manycore";
  info.model = pool_->model();
  info.isa = isa_name(pool_->isa());
  info.in_place = true;
  info.launch_us = launch_us_;
  pool_->add_totals(info);
  return info;
}

}  // namespace fulcrum
