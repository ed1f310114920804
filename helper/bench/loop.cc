// SPDX-License-Identifier: MIT
// loop.cc - a worker's loop without a card: traffic -> graph on the core, on a device or on both -> packets in order.
#include "bench/loop.h"

#include "base/clock.h"

namespace fulcrum {
namespace {

constexpr unsigned kSuppliedTasks = 3;  // one that runs, one that waits, one that fills

Result<std::unique_ptr<Graph>> build(const std::string& pipeline, OfflineSetup& setup) {
  Diagnostics diag;
  Registry registry;
  const Config config = parse_config("bench", pipeline, diag);
  if (diag.ok()) registry.require_all(config, diag);
  std::unique_ptr<Graph> graph = diag.ok() ? Graph::build(config, registry, setup, diag) : nullptr;
  if (!graph) return Error{diag.text()};
  return graph;
}

}  // namespace

Result<std::unique_ptr<WorkerLoop>> WorkerLoop::open(const std::string& pipeline, Traffic& traffic, Device* device,
                                                     const AggregateLimits& limits) {
  std::unique_ptr<WorkerLoop> loop(new WorkerLoop(traffic));
  auto graph = build(pipeline, loop->setup_);
  if (!graph) return graph.error();
  loop->graph_ = std::move(*graph);
  for (unsigned i = 0; i < traffic.batches(); ++i) loop->slots_.push_back(std::make_unique<Slot>());
  loop->device_batches_ = kSuppliedTasks * limits.max_packets / kBatchSize;
  if (!device) return loop;
  const OffloadChains chains = loop->graph_->chains();
  if (auto ok = prepare_device(*device, chains, true); !ok) return ok.error();
  auto lane = DeviceLane::open(*device, chains, traffic.memory(), traffic.memory_bytes(), lane_limits(limits));
  if (!lane) return lane.error();
  loop->tasks_ = std::make_unique<TaskAggregator>(chains, std::move(*lane), traffic.memory(), limits);
  return loop;
}

WorkerLoop::~WorkerLoop() { tasks_.reset(); }  // waits for the device, which reads the frames

LoopResult WorkerLoop::run(Way way, std::uint64_t for_ns) {
  const std::uint64_t end_ns = now_ns() + for_ns;
  return drive(way, [&](std::uint64_t now, std::uint64_t) { return now >= end_ns; });
}

LoopResult WorkerLoop::run_batches(Way way, std::uint64_t batches) {
  return drive(way, [&](std::uint64_t, std::uint64_t begun) { return begun >= batches; });
}

LoopResult WorkerLoop::drive(Way way, const std::function<bool(std::uint64_t, std::uint64_t)>& enough) {
  const std::uint64_t first = begun_, first_device = device_packets_, start_ns = now_ns();
  turn_batches_ = turn_device_batches_ = 0;
  while (!enough(now_ns(), begun_ - first)) {
    if (tasks_) collect();
    if (begun_ - left_ < slots_.size() && stalled_.empty()) begin(way);
    leave();
  }
  if (tasks_) tasks_->flush();
  while (left_ != begun_) {
    if (tasks_ && !collect() && tasks_->device_idle()) tasks_->flush();
    leave();
  }
  return {(begun_ - first) * kBatchSize, device_packets_ - first_device, now_ns() - start_ns};
}

bool WorkerLoop::for_device(Way way) const {
  if (way != Way::kBoth) return way == Way::kDevice;
  return tasks_->held_batches() < device_batches_ && turn_device_batches_ * 1000 <= turn_batches_ * share_permille_;
}

// A batch arrives and goes as far as it can.
void WorkerLoop::begin(Way way) {
  Slot& s = slot(begun_);
  const bool offload = for_device(way);
  traffic_.receive(s.batch, static_cast<unsigned>(begun_ % traffic_.batches()),
                   static_cast<std::uint32_t>(begun_ * kBatchSize));
  s.done = false;
  s.batch.tier = offload ? FULCRUM_TIER_DEV0 : FULCRUM_TIER_CPU;
  ++begun_;
  ++turn_batches_;
  turn_device_batches_ += offload;
  if (offload) device_packets_ += kBatchSize;
  graph_->start(s.walk, s.batch);
  if (!go_on(s, offload)) stalled_.push_back(&s);
}

// False: no task was free.
bool WorkerLoop::go_on(Slot& s, bool offload) {
  if (graph_->advance(s.walk, s.batch, offload) == Step::kDone) return s.done = true;
  return tasks_->add(&s.batch, &s.walk, graph_->offload_mask(s.walk), graph_->chain_at(s.walk), now_ns());
}

// What the device has finished, then what waited for a free task.
bool WorkerLoop::collect() {
  bool moved = tasks_->poll(now_ns());
  for (TaskAggregator::Ready ready; tasks_->take(ready); moved = true) {
    Slot& s = slot(ready.batch->pos[0] / kBatchSize);
    graph_->resume(*ready.walk, *ready.batch, ready.results);
    if (!go_on(s, true)) stalled_.push_back(&s);
  }
  while (!stalled_.empty() && go_on(*stalled_.front(), true)) {
    stalled_.pop_front();
    moved = true;
  }
  return moved;
}

// In order of arrival.
void WorkerLoop::leave() {
  for (; left_ != begun_ && slot(left_).done; ++left_) {
    const Batch& b = slot(left_).batch;
    if (!wrong_.empty()) continue;
    for (unsigned i = 0; i < b.count && wrong_.empty(); ++i)
      if (b.pos[i] != static_cast<std::uint32_t>(left_ * kBatchSize + i))
        wrong_ =
            "packet " + std::to_string(b.pos[i]) + " left in the place of " + std::to_string(left_ * kBatchSize + i);
    if (check && wrong_.empty()) wrong_ = check(b);
  }
}

}  // namespace fulcrum
