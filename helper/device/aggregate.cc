// SPDX-License-Identifier: MIT
// aggregate.cc - suspended batches -> device tasks -> batches with their results.
#include "device/aggregate.h"

#include <algorithm>

#include "base/clock.h"
#include "fulcrum/range.h"

namespace fulcrum {
namespace {

constexpr std::uint64_t kDrainLimit_ns = 2'000'000'000;

}  // namespace

TaskAggregator::TaskAggregator(DeviceQueue& queue, const std::uint8_t* base, const AggregateLimits& limits)
    : queue_(queue), base_(base), limits_(limits), tasks_(std::max(limits.tasks, 2u)), leaving_(tasks_.size()) {
  limits_.max_packets = std::max(limits_.max_packets, 1u);
  // A task closes when it reaches max_packets: the last batch may go beyond.
  const std::uint32_t capacity = limits_.max_packets + kBatchSize - 1;
  for (Task& t : tasks_) {
    t.words = std::make_unique<std::uint32_t[]>(3 * capacity);
    t.items = std::make_unique<Item[]>(limits_.max_packets);  // each batch brings a packet or more
    t.device.capacity = capacity;
    t.device.offset = t.words.get();
    t.device.length = t.words.get() + capacity;
    t.device.result = t.words.get() + 2 * capacity;
    t.device.base = base_;
  }
}

// A device may still write into buffers that it has not given back. One that
// does not answer keeps them: a leak at exit is better than a stray write.
TaskAggregator::~TaskAggregator() {
  const std::uint64_t give_up_ns = fulcrum::now_ns() + kDrainLimit_ns;
  while (queue_.in_flight() && fulcrum::now_ns() < give_up_ns) queue_.poll();
  if (!queue_.in_flight()) return;
  for (Task& t : tasks_)
    if (t.state == State::kInFlight) static_cast<void>(t.words.release());
}

TaskAggregator::Task* TaskAggregator::open_task(Offload* offload, std::uint64_t now_ns) noexcept {
  Task* free = nullptr;
  for (Task& t : tasks_) {
    if (t.state == State::kOpen && t.offload == offload) return &t;
    if (t.state == State::kFree) free = &t;
  }
  if (!free) return nullptr;
  free->state = State::kOpen;
  free->offload = offload;
  free->opened_ns = now_ns;
  free->item_count = free->item_taken = 0;
  free->device.kernel = &offload->kernel();
  free->device.table = offload->table();
  free->device.count = 0;
  free->device.bytes = 0;
  free->device.service_ns = 0;
  free->device.failed = false;
  return free;
}

void TaskAggregator::gather(Task& t, const Batch& b, Mask mask) noexcept {
  DeviceTask& d = t.device;
  for_each(mask, [&](unsigned i) {
    const ByteRange r = packet_range(b, i, d.kernel->range, d.kernel->max_bytes);
    d.offset[d.count] = static_cast<std::uint32_t>(b.data[i] - base_) + r.offset;
    d.length[d.count] = r.length;
    d.bytes += r.length;
    ++d.count;
  });
}

bool TaskAggregator::add(Batch* batch, Walk* walk, Mask mask, Offload* offload, std::uint64_t now_ns) noexcept {
  release_taken();
  Task* t = open_task(offload, now_ns);
  if (!t) {
    flush();  // tasks that other elements hold open must not block this one for ever
    return false;
  }
  t->items[t->item_count++] = {batch, walk, t->device.count};
  gather(*t, *batch, mask);
  ++held_batches_;
  if (t->device.count >= limits_.max_packets || t->device.bytes >= limits_.max_bytes) close(*t);
  return true;
}

void TaskAggregator::close(Task& t) noexcept {
  t.state = State::kClosed;
  leaving_[tail_++ % leaving_.size()] = &t;
}

void TaskAggregator::flush() noexcept {
  // Oldest first: order of closing is the order of submission.
  for (;;) {
    Task* oldest = nullptr;
    for (Task& t : tasks_)
      if (t.state == State::kOpen && (!oldest || t.opened_ns < oldest->opened_ns)) oldest = &t;
    if (!oldest) return;
    close(*oldest);
  }
}

// Same code, same bytes, same table: same answer as on the device.
void TaskAggregator::run_here(Task& t) noexcept {
  const DeviceTask& d = t.device;
  d.kernel->run({d.count, d.base, d.offset, d.length, d.table.data, d.result});
  stats_.fallback_tasks.add(1);
  stats_.fallback_packets.add(d.count);
}

void TaskAggregator::finish(Task& t) noexcept {
  t.state = State::kDone;
  stats_.tasks.add(1);
  stats_.packets.add(t.device.count);
  stats_.bytes.add(t.device.bytes);
}

bool TaskAggregator::submit_closed(std::uint64_t now_ns) noexcept {
  bool moved = false;
  for (; submit_ != tail_; ++submit_, moved = true) {
    Task& t = leaving(submit_);
    t.device.submit_ns = now_ns;
    const DeviceStatus status = gone_ ? DeviceStatus::kGone : queue_.submit(&t.device);
    if (status == DeviceStatus::kOk) {
      t.state = State::kInFlight;
      continue;
    }
    if (status == DeviceStatus::kFull) {
      stats_.full_waits.add(1);
      break;
    }
    gone_ = true;
    run_here(t);
    finish(t);
  }
  return moved;
}

bool TaskAggregator::collect(std::uint64_t now_ns) noexcept {
  bool moved = false;
  while (DeviceTask* d = queue_.poll()) {
    Task* t = nullptr;
    for (Task& candidate : tasks_)
      if (&candidate.device == d) t = &candidate;
    if (!t) continue;  // not ours: nothing to be done about it here
    if (d->failed)
      run_here(*t);
    else
      stats_.service_ns.add(d->service_ns);
    stats_.turnaround_ns.add(now_ns > d->submit_ns ? now_ns - d->submit_ns : 0);
    finish(*t);
    moved = true;
  }
  return moved;
}

bool TaskAggregator::poll(std::uint64_t now_ns) noexcept {
  for (;;) {
    Task* due = nullptr;
    for (Task& t : tasks_)
      if (t.state == State::kOpen && now_ns - t.opened_ns >= limits_.deadline_ns && now_ns >= t.opened_ns &&
          (!due || t.opened_ns < due->opened_ns))
        due = &t;
    if (!due) break;
    close(*due);
  }
  bool moved = submit_closed(now_ns);
  moved |= collect(now_ns);
  if (submit_ != tail_) moved |= submit_closed(now_ns);  // room may have come
  return moved;
}

// Frees tasks whose batches are all handed back.
void TaskAggregator::release_taken() noexcept {
  while (head_ != submit_) {
    Task& t = leaving(head_);
    if (t.state != State::kDone || t.item_taken != t.item_count) return;
    t.state = State::kFree;
    t.device.table = {};  // a table version may go when its last task is done
    ++head_;
  }
}

bool TaskAggregator::take(Ready& out) noexcept {
  release_taken();
  if (head_ == submit_) return false;
  Task& t = leaving(head_);
  if (t.state != State::kDone) return false;
  const Item& item = t.items[t.item_taken++];
  out = {item.batch, item.walk, t.device.result + item.first};
  --held_batches_;
  return true;
}

}  // namespace fulcrum
