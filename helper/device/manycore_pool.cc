// SPDX-License-Identifier: MIT
// manycore_pool.cc - threads: serve rings, spin, sleep.
#include "device/manycore_pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

namespace fulcrum {
namespace {

constexpr std::uint64_t kSpin_ns = 20'000;

static_assert(sizeof(std::atomic<std::uint32_t>) == 4, "is the futex word");

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace

ManycorePool::ManycorePool(std::vector<int> cpus, unsigned threads, unsigned max_in_flight, Isa isa)
    : max_in_flight_(max_in_flight), isa_(isa), cpus_(std::move(cpus)) {
  for (unsigned i = 0; i < threads; ++i) {
    lanes_.push_back(std::make_unique<Lane>());
    lanes_[i]->index = i;
    lanes_[i]->cpu = cpus_[i % cpus_.size()];
  }
}

Result<std::shared_ptr<ManycorePool>> ManycorePool::start(std::vector<int> cpus, unsigned threads,
                                                          unsigned max_in_flight, Isa isa) {
  std::shared_ptr<ManycorePool> pool(new ManycorePool(std::move(cpus), threads, max_in_flight, isa));
  std::latch started(threads);
  for (auto& lane : pool->lanes_)
    lane->thread = std::thread([p = pool.get(), l = lane.get(), &started] { p->serve(*l, started); });
  started.wait();
  for (auto& lane : pool->lanes_)
    if (!lane->error.empty()) return Error{lane->error};
  return pool;
}

ManycorePool::~ManycorePool() {
  stop_.store(true, std::memory_order_release);
  for (auto& lane : lanes_) wake(*lane);
  for (auto& lane : lanes_)
    if (lane->thread.joinable()) lane->thread.join();
}

ManycoreLink* ManycorePool::open_link() {
  std::lock_guard lock(links_mutex_);
  const unsigned count = link_count_.load(std::memory_order_relaxed);
  for (unsigned i = 0; i < count; ++i)
    if (!links_[i]->in_use) return links_[i]->in_use = true, links_[i].get();
  if (count == links_.size()) return nullptr;
  auto link = std::make_unique<ManycoreLink>();
  link->in_use = true;
  for (unsigned t = 0; t < threads(); ++t)
    link->ring.push_back(std::make_unique<SpscRing<ManycoreWork>>(max_in_flight_));
  links_[count] = std::move(link);
  link_count_.store(count + 1, std::memory_order_release);
  return links_[count].get();
}

void ManycorePool::close_link(ManycoreLink* link) {
  std::lock_guard lock(links_mutex_);
  link->in_use = false;
}

// The ring has room for all tasks that a queue may have in flight.
void ManycorePool::push(ManycoreLink& link, unsigned thread, ManycoreWork work) noexcept {
  while (!link.ring[thread]->try_push(work)) {
  }
  wake(*lanes_[thread]);
}

void ManycorePool::wake(Lane& lane) noexcept {
  if (lane.asleep.exchange(0, std::memory_order_acq_rel)) futex_wake(lane.asleep);
}

void ManycorePool::run(Lane& lane, ManycoreWork work) noexcept {
  ManycoreJob& job = *work.job;
  ManycoreSlice& s = job.slices[work.slice];
  s.start_ns = now_ns();
  run_stages(job.copy, isa_, s.first, s.count);
  s.end_ns = now_ns();
  lane.busy_ns.add(s.end_ns - s.start_ns);
  job.remaining.fetch_sub(1, std::memory_order_release);
}

bool ManycorePool::run_pending(Lane& lane) noexcept {
  bool any = false;
  const unsigned count = link_count_.load(std::memory_order_acquire);
  for (unsigned i = 0; i < count; ++i) {
    ManycoreWork work;
    if (!links_[i]->ring[lane.index]->try_pop(work)) continue;
    run(lane, work);
    any = true;
  }
  return any;
}

void ManycorePool::serve(Lane& lane, std::latch& started) {
  pthread_setname_np(pthread_self(), ("manycore" + std::to_string(lane.index)).c_str());
  if (const Result<void> pinned = pin_this_thread(lane.cpu); !pinned) lane.error = "manycore: " + pinned.error().text;
  started.count_down();
  std::uint64_t idle_since_ns = 0;
  for (;;) {
    if (run_pending(lane)) {
      idle_since_ns = 0;
      continue;
    }
    if (stop_.load(std::memory_order_acquire)) return;
    const std::uint64_t now = now_ns();
    if (!idle_since_ns) idle_since_ns = now;
    if (now - idle_since_ns < kSpin_ns) {
      __builtin_ia32_pause();
      continue;
    }
    lane.asleep.exchange(1, std::memory_order_acq_rel);
    if (!run_pending(lane) && !stop_.load(std::memory_order_acquire)) futex_wait(lane.asleep, 1);
    lane.asleep.exchange(0, std::memory_order_acq_rel);
    idle_since_ns = 0;
  }
}

std::string ManycorePool::model() const {
  std::string text = std::to_string(threads()) + (threads() == 1 ? " thread on cpu" : " threads on cpus");
  for (unsigned i = 0; i < threads() && i < cpus_.size(); ++i) text += " " + std::to_string(cpus_[i]);
  return text + ", " + isa_name(isa_);
}

void ManycorePool::reset_totals() {
  std::lock_guard lock(links_mutex_);
  for (auto& link : links_)
    if (link) link->tasks = link->packets = link->in_bytes = link->out_bytes = link->saved_bytes = Count();
}

void ManycorePool::add_totals(DeviceInfo& info) const {
  const unsigned count = link_count_.load(std::memory_order_acquire);
  for (unsigned i = 0; i < count; ++i) {
    info.tasks += links_[i]->tasks.value();
    info.packets += links_[i]->packets.value();
    info.in_bytes += links_[i]->in_bytes.value();
    info.out_bytes += links_[i]->out_bytes.value();
    info.saved_bytes += links_[i]->saved_bytes.value();
  }
  for (const auto& lane : lanes_) info.busy_ns += lane->busy_ns.value();
}

}  // namespace fulcrum
