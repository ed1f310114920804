// SPDX-License-Identifier: MIT
// manycore.cc - queues: cut a task into slices, collect tasks in order.
#include "device/manycore.h"

#include <algorithm>

#include "base/clock.h"
#include "device/manycore_pool.h"

namespace fulcrum {
namespace {

// A slice should outweigh the cost of handing it over (about 1 µs).
constexpr std::uint32_t kSliceMinPackets = 64;
constexpr std::uint64_t kSliceMinBytes = 8192;

// Threads: submit() and poll() one; see manycore_pool.h for the other side.
class ManycoreQueue final : public DeviceQueue {
 public:
  ManycoreQueue(std::shared_ptr<ManycorePool> pool, ManycoreLink* link)
      : pool_(std::move(pool)), link_(link), jobs_(pool_->max_in_flight()) {
    for (ManycoreJob& job : jobs_) job.slices.resize(pool_->threads());
  }

  // Work in flight touches the owner's buffers: wait for it.
  ~ManycoreQueue() override {
    while (in_flight())
      if (!poll()) std::this_thread::yield();
    pool_->close_link(link_);
  }

  DeviceStatus submit(DeviceTask* task) noexcept override {
    if (pool_->closed.load(std::memory_order_relaxed)) return DeviceStatus::kGone;
    if (in_flight() == jobs_.size()) return DeviceStatus::kFull;
    ManycoreJob& job = jobs_[submitted_++ % jobs_.size()];
    job.task = task;
    job.run = kernel_for(*task->kernel, pool_->isa());
    task->failed = false;
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
    if (!in_flight()) return nullptr;
    const std::size_t at = polled_ % jobs_.size();
    ManycoreJob& job = jobs_[at];
    if (job.remaining.load(std::memory_order_acquire)) return nullptr;
    ++polled_;
    std::uint64_t start_ns = ~std::uint64_t{0}, end_ns = 0;
    for (unsigned s = 0; s < job_slices_[at]; ++s) {
      start_ns = std::min(start_ns, job.slices[s].start_ns);
      end_ns = std::max(end_ns, job.slices[s].end_ns);
    }
    job.task->service_ns = end_ns - start_ns;
    link_->tasks.add(1);
    link_->packets.add(job.task->count);
    link_->bytes.add(job.task->bytes);
    return job.task;
  }

  unsigned in_flight() const noexcept override { return static_cast<unsigned>(submitted_ - polled_); }

 private:
  // Fills job.slices; returns how many.
  unsigned cut(ManycoreJob& job) noexcept {
    const DeviceTask& t = *job.task;
    const bool by_bytes = t.kernel->max_bytes == 0;
    const std::uint64_t units = by_bytes ? t.bytes / kSliceMinBytes : t.count / kSliceMinPackets;
    const auto slices = static_cast<unsigned>(std::clamp<std::uint64_t>(units, 1, pool_->threads()));
    std::uint32_t at = 0;
    std::uint64_t seen_bytes = 0;
    for (unsigned s = 0; s < slices; ++s) {
      const std::uint32_t first = at;
      if (s + 1 == slices) {
        at = t.count;
      } else if (by_bytes) {
        const std::uint64_t goal = t.bytes * (s + 1) / slices;
        while (at < t.count && seen_bytes < goal) seen_bytes += t.length[at++];
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
};

void empty_kernel(const KernelArgs&) noexcept {}
constexpr KernelDecl kEmptyKernel{"empty", PacketRange::kL3Header, 1, empty_kernel, nullptr, nullptr};

std::vector<int> cpus_to_use(const ManycoreConfig& config) {
  if (!config.cpus.empty()) return config.cpus;
  std::vector<int> cpus = allowed_cpus();
  if (cpus.size() > 1) cpus.erase(cpus.begin());
  return cpus;
}

}  // namespace

KernelFn kernel_for(const KernelDecl& kernel, Isa isa) {
  if (isa == Isa::kV4 && kernel.run_v4) return kernel.run_v4;
  if (isa != Isa::kV2 && kernel.run_v3) return kernel.run_v3;
  return kernel.run;
}

ManycoreDevice::ManycoreDevice(std::shared_ptr<ManycorePool> pool) : pool_(std::move(pool)) {}

Result<std::unique_ptr<ManycoreDevice>> ManycoreDevice::open(const ManycoreConfig& config) {
  const std::vector<int> cpus = cpus_to_use(config);
  const std::size_t threads = config.threads ? config.threads : std::min<std::size_t>(cpus.size(), kMaxThreads);
  if (threads > kMaxThreads)
    return Error{"manycore: " + std::to_string(threads) + " threads: at most " + std::to_string(kMaxThreads)};
  const unsigned max_in_flight = std::max(config.max_in_flight, 1u);
  auto pool = ManycorePool::start(cpus, static_cast<unsigned>(threads), max_in_flight);
  if (!pool) return pool.error();
  std::unique_ptr<ManycoreDevice> device(new ManycoreDevice(std::move(*pool)));
  device->measure_launch();
  return device;
}

ManycoreDevice::~ManycoreDevice() { pool_->closed.store(true, std::memory_order_relaxed); }

// Median of a run of empty tasks, threads awake: what a busy device costs.
void ManycoreDevice::measure_launch() {
  constexpr unsigned kRuns = 65;
  std::unique_ptr<DeviceQueue> queue = open_queue();
  DeviceTask task;
  task.kernel = &kEmptyKernel;
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

std::unique_ptr<DeviceQueue> ManycoreDevice::open_queue() {
  ManycoreLink* link = pool_->open_link();
  if (!link) return nullptr;
  return std::make_unique<ManycoreQueue>(pool_, link);
}

DeviceInfo ManycoreDevice::info() const {
  DeviceInfo info;
  info.name = "manycore";
  info.model = pool_->model();
  info.state = "up";
  info.launch_us = launch_us_;
  pool_->add_totals(info);
  return info;
}

}  // namespace fulcrum
