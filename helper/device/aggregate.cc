// SPDX-License-Identifier: MIT
// aggregate.cc - suspended batches -> device tasks -> batches with their results.
#include "device/aggregate.h"

#include <algorithm>

#include "base/clock.h"

namespace fulcrum {

LaneLimits lane_limits(const AggregateLimits& limits) {
  LaneLimits l;
  // A task closes when it reaches max_packets: the last batch may go beyond.
  l.image.items = std::max(limits.max_packets, 1u) + kBatchSize - 1;
  l.image.read_bytes = limits.max_bytes + limits.max_batch_bytes;
  l.tasks = std::max(limits.tasks, 2u);
  return l;
}

void AggregateStats::add(const AggregateStats& o) {
  static constexpr Count AggregateStats::*kAll[] = {&AggregateStats::tasks,
                                                    &AggregateStats::packets,
                                                    &AggregateStats::bytes,
                                                    &AggregateStats::in_bytes,
                                                    &AggregateStats::out_bytes,
                                                    &AggregateStats::saved_bytes,
                                                    &AggregateStats::service_ns,
                                                    &AggregateStats::turnaround_ns,
                                                    &AggregateStats::full_waits,
                                                    &AggregateStats::here_tasks,
                                                    &AggregateStats::here_packets,
                                                    &AggregateStats::fallback_tasks,
                                                    &AggregateStats::fallback_packets,
                                                    &AggregateStats::shadow_tasks,
                                                    &AggregateStats::shadow_mismatches};
  for (auto field : kAll) (this->*field).add((o.*field).value());
}

const char* to_string(LaneState state) {
  switch (state) {
    case LaneState::kUp:
      return "up";
    case LaneState::kNone:
      return "not there";
    case LaneState::kRefused:
      return "refused a task";
    case LaneState::kFailed:
      return "failed a task";
    case LaneState::kTimeout:
      return "did not finish a task in time";
    case LaneState::kMismatch:
      return "gave another answer than the cpu";
    case LaneState::kRevoked:
      return "was taken away";
  }
  return "?";
}

TaskAggregator::TaskAggregator(OffloadChains chains, std::unique_ptr<DeviceLane> lane, const std::uint8_t* frames,
                               const AggregateLimits& limits)
    : chains_(chains),
      frames_(frames),
      limits_(limits),
      here_plans_(make_plans(chains, true, lane_limits(limits).image)),
      host_images_(image_bytes(make_plans(chains, false, lane_limits(limits).image)), lane_limits(limits).tasks),
      lane_(std::move(lane)),
      tables_(chains.size()),
      tasks_(lane_limits(limits).tasks),
      leaving_(tasks_.size()),
      until_shadow_(limits.shadow_every) {
  limits_.max_packets = std::max(limits_.max_packets, 1u);
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    tasks_[i].items = std::make_unique<Item[]>(limits_.max_packets);  // each batch brings a packet or more
    tasks_[i].host = host_images_.image(static_cast<unsigned>(i));
  }
  if (lane_) state_.store(LaneState::kUp, std::memory_order_release);
}

// The lane's queue waits for what is in flight, or lets its images go.
TaskAggregator::~TaskAggregator() {
  delete offered_.exchange(nullptr);
  delete old_.exchange(nullptr);
  delete evidence_.exchange(nullptr);
}

void TaskAggregator::offer_lane(std::unique_ptr<DeviceLane> lane) {
  offer_pending_.store(true, std::memory_order_release);
  delete offered_.exchange(lane.release());
}

std::unique_ptr<DeviceLane> TaskAggregator::take_old_lane() {
  return std::unique_ptr<DeviceLane>(old_.exchange(nullptr, std::memory_order_acq_rel));
}

std::vector<std::unique_ptr<DeviceLane>> TaskAggregator::release_lanes() {
  std::vector<std::unique_ptr<DeviceLane>> lanes;
  lanes.push_back(std::move(lane_));
  lanes.push_back(take_old_lane());
  lanes.emplace_back(offered_.exchange(nullptr));
  return lanes;
}

std::unique_ptr<ShadowEvidence> TaskAggregator::take_evidence() {
  return std::unique_ptr<ShadowEvidence>(evidence_.exchange(nullptr, std::memory_order_acq_rel));
}

// Only when no task points into the lane that goes: those opened since it was lost do not.
void TaskAggregator::adopt_lane() noexcept {
  if (up() || !offered_.load(std::memory_order_relaxed) || old_.load(std::memory_order_relaxed)) return;
  release_taken();
  for (const Task& t : tasks_)
    if (t.state != State::kFree && !t.here) return;
  DeviceLane* next = offered_.exchange(nullptr, std::memory_order_acq_rel);
  if (!next) return;
  old_.store(lane_.release(), std::memory_order_release);
  lane_.reset(next);
  for (ChainTables& t : tables_) t = {};
  state_.store(LaneState::kUp, std::memory_order_release);
  offer_pending_.store(false, std::memory_order_release);  // last: the old lane can be taken
}

// The newest versions, or those of the last task where the newest are still on
// their way to the device. False: it has none yet.
bool TaskAggregator::choose_tables(Task& t) noexcept {
  const OffloadChain& chain = chains_[t.chain];
  ChainTables& last = tables_[t.chain];
  bool all = true;
  for (std::size_t s = 0; s < chain.stage.size(); ++s) {
    KernelTable newest = chain.stage[s]->table();
    t.device.stage[s].table = newest;
    if (t.here || !newest.data || !newest.identity) continue;
    if (newest.version != last[s].version || newest.data != last[s].data) {
      if (lane_->queue().resident(newest))
        last[s] = std::move(newest);
      else if (last[s].data)
        t.device.stage[s].table = last[s];
      else
        all = false;
    }
  }
  return all;
}

TaskAggregator::Task* TaskAggregator::open_task(std::size_t chain, std::uint64_t now_ns) noexcept {
  Task* free = nullptr;
  for (Task& t : tasks_) {
    if (t.state == State::kOpen && t.chain == chain) return &t;
    if (t.state == State::kFree) free = &t;
  }
  if (!free) return nullptr;
  Task& t = *free;
  t.state = State::kOpen;
  t.chain = chain;
  t.opened_ns = now_ns;
  t.item_count = t.item_taken = 0;
  t.here = !up();
  if (!choose_tables(t)) t.here = true;
  t.device.image = t.here ? t.host : lane_->image(static_cast<std::size_t>(&t - tasks_.data()));
  t.fill.open(t.device, t.here ? here_plans_[chain] : lane_->plan(chain), frames_);
  for (std::size_t s = 0; s < chains_[chain].stage.size(); ++s)
    if (const std::uint32_t* c = chains_[chain].stage[s]->constants())
      std::copy_n(c, FU_CONSTANTS, t.device.stage[s].layout.constants);
  return free;
}

bool TaskAggregator::add(Batch* batch, Walk* walk, Mask mask, std::size_t chain, std::uint64_t now_ns) noexcept {
  release_taken();
  Task* t = open_task(chain, now_ns);
  if (t && !t->fill.fits(*batch, mask)) {
    close(*t);
    t = open_task(chain, now_ns);
  }
  if (!t) {
    flush();  // tasks that other elements hold open must not block this one for ever
    return false;
  }
  const std::uint32_t first = t->fill.add(*batch, mask);
  const OffloadChain& c = chains_[chain];
  for (unsigned s = 0; s < c.stage.size(); ++s)
    if (c.links[s].kernel->in_bytes) c.stage[s]->prepare(*batch, mask, t->fill.columns(s, first, mask));
  t->items[t->item_count++] = {batch, walk, mask, first};
  ++held_batches_;
  if (t->device.count >= limits_.max_packets || t->device.read_bytes >= limits_.max_bytes) close(*t);
  return true;
}

void TaskAggregator::close(Task& t) noexcept {
  t.fill.close();
  t.state = State::kClosed;
  t.first_try_ns = 0;
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

// Same source, same bytes, same tables: same answer as on the device.
void TaskAggregator::run_here(Task& t) noexcept {
  run_stages(t.device, best_isa(), 0, t.device.count);
  stats_.here_tasks.add(1);
  stats_.here_packets.add(t.device.count);
}

void TaskAggregator::finish(Task& t) noexcept {
  t.state = State::kDone;
  stats_.tasks.add(1);
  stats_.packets.add(t.device.count);
  stats_.bytes.add(t.device.read_bytes);
}

// What is in flight is taken back, oldest first, into memory that the device does
// not know; it may still write into its own.
void TaskAggregator::lose(LaneState why) noexcept {
  if (!up()) return;
  state_.store(why, std::memory_order_release);
  lane_->queue().abandon();
  for (std::uint32_t place = head_; place != submit_; ++place) {
    Task& t = leaving(place);
    if (t.state != State::kInFlight) continue;
    t.fill.move_to(t.host);
    run_here(t);
    stats_.fallback_tasks.add(1);
    stats_.fallback_packets.add(t.device.count);
    finish(t);
  }
}

bool TaskAggregator::submit_closed(std::uint64_t now_ns) noexcept {
  bool moved = false;
  for (; submit_ != tail_; ++submit_, moved = true) {
    Task& t = leaving(submit_);
    t.device.submit_ns = now_ns;
    if (!t.first_try_ns) t.first_try_ns = now_ns;
    if (!t.here && up()) {
      const DeviceStatus status = lane_->queue().submit(&t.device);
      if (status == DeviceStatus::kOk) {
        t.state = State::kInFlight;
        continue;
      }
      if (status == DeviceStatus::kFull) {
        stats_.full_waits.add(1);
        break;
      }
      lose(LaneState::kRefused);
      stats_.fallback_tasks.add(1);
      stats_.fallback_packets.add(t.device.count);
    }
    run_here(t);
    finish(t);
  }
  return moved;
}

bool TaskAggregator::collect(std::uint64_t now_ns) noexcept {
  bool moved = false;
  while (up()) {
    DeviceTask* d = lane_->queue().poll();
    if (!d) break;
    moved = true;
    const auto at = std::find_if(tasks_.begin(), tasks_.end(), [&](Task& t) { return &t.device == d; });
    if (at == tasks_.end() || at->state != State::kInFlight) continue;  // not ours: nothing to be done about it here
    Task& t = *at;
    if (d->failed) {
      lose(LaneState::kFailed);  // takes this one back too
      break;
    }
    stats_.service_ns.add(d->service_ns);
    stats_.turnaround_ns.add(now_ns > d->submit_ns ? now_ns - d->submit_ns : 0);
    stats_.in_bytes.add(d->in.total_bytes());
    stats_.out_bytes.add(d->out.total_bytes());
    stats_.saved_bytes.add(d->saved_bytes);
    const bool agrees = shadow_agrees(t);
    finish(t);
    if (!agrees) lose(LaneState::kMismatch);
  }
  if (!up() || !overdue(now_ns)) return moved;
  lose(LaneState::kTimeout);
  return true;
}

// Is the oldest task that is not finished with the device for too long, or refused as kFull for as long with
// none before it? Time in which nobody looked (the worker was off its CPU) is the device's fault only in part.
bool TaskAggregator::overdue(std::uint64_t now_ns) noexcept {
  const std::uint64_t since_look_ns = now_ns > last_look_ns_ ? now_ns - last_look_ns_ : 0;
  last_look_ns_ = now_ns;
  for (std::uint32_t place = head_; place != tail_; ++place) {
    const Task& t = leaving(place);
    if (t.state == State::kDone) continue;
    const std::uint64_t since_ns = t.state == State::kInFlight ? t.device.submit_ns : t.first_try_ns;
    if (!since_ns || since_ns >= now_ns) break;
    if (place != waited_place_) waited_ns_ = 0;
    waited_place_ = place;
    waited_ns_ += std::min({since_look_ns, now_ns - since_ns, limits_.timeout_ns / 4});
    return waited_ns_ > limits_.timeout_ns;
  }
  waited_ns_ = 0;
  return false;
}

// Runs one task in shadow_every here too. The cpu's answer counts.
bool TaskAggregator::shadow_agrees(Task& t) noexcept {
  if (!limits_.shadow_every || --until_shadow_) return true;
  until_shadow_ = limits_.shadow_every;
  stats_.shadow_tasks.add(1);
  const ImageMemory theirs = t.device.image;
  t.fill.move_to(t.host);
  copy_out_records(t.fill, theirs.host, t.host.host);
  run_stages(t.device, Isa::kV2, 0, t.device.count);
  const std::int64_t item = first_difference(t.fill, theirs.host, t.host.host);
  if (item < 0) {
    t.device.image = theirs;
    return true;
  }
  stats_.shadow_mismatches.add(1);
  auto evidence = std::make_unique<ShadowEvidence>();
  evidence->kernel = t.device.stage[0].kernel->name;
  evidence->item = static_cast<std::uint32_t>(item);
  evidence->time_ns = t.device.submit_ns;
  for (std::uint32_t n = 0; n < t.item_count; ++n) {
    const Batch& b = *t.items[n].batch;
    for_each(t.items[n].mask, [&](unsigned i) { evidence->packets.emplace_back(b.data[i], b.data[i] + b.len[i]); });
  }
  delete evidence_.exchange(evidence.release(), std::memory_order_acq_rel);
  return false;
}

bool TaskAggregator::poll(std::uint64_t now_ns) noexcept {
  if (revoked_.load(std::memory_order_relaxed) && revoked_.exchange(false, std::memory_order_acq_rel))
    lose(LaneState::kRevoked);
  adopt_lane();
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
    for (TaskStage& s : t.device.stage) s.table = {};  // a table version may go when its last task is done
    ++head_;
  }
}

bool TaskAggregator::take(Ready& out) noexcept {
  release_taken();
  if (head_ == submit_) return false;
  Task& t = leaving(head_);
  if (t.state != State::kDone) return false;
  const Item& item = t.items[t.item_taken++];
  out = {item.batch, item.walk, {&t.fill, item.first, item.mask}};
  --held_batches_;
  return true;
}

}  // namespace fulcrum
