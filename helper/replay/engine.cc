// SPDX-License-Identifier: MIT
// engine.cc - packets in order of arrival -> batches, graph, device -> outcomes in the same order.
#include "replay/engine.h"

#include <sched.h>

#include <algorithm>

#include "base/clock.h"
#include "fulcrum_parse.h"

namespace fulcrum {
namespace {

constexpr std::size_t kMaxArrivals = 2 * ReplayMemory::kSlots * kBatchSize;
constexpr AggregateLimits kLimits = {.max_packets = 512,  // 8 tasks fill all slots
                                     .max_batch_bytes = ReplayMemory::kRegionBytes,
                                     .deadline_ns = 1'000'000};

const std::string kSteer = "steer", kCpu = "cpu";
const std::string kNotIp = "not_ip", kMalformed = "malformed", kMulticast = "multicast";

// Why the front-end leaves a packet to the kernel; null: it does not.
const std::string* steer_reason(int packet_class) {
  switch (packet_class) {
    case FULCRUM_PKT_IP:
      return nullptr;
    case FULCRUM_PKT_NOT_IP:
      return &kNotIp;
    case FULCRUM_PKT_MULTICAST:
      return &kMulticast;
    default:
      return &kMalformed;
  }
}

}  // namespace

ReplayEngine::ReplayEngine(Graph& graph, OfflineSetup& setup, ReplayOutput& output, Split split)
    : graph_(graph), setup_(setup), output_(output), split_(split), filling_(2 * FULCRUM_MAX_PORTS) {}

Result<std::unique_ptr<ReplayEngine>> ReplayEngine::open(Graph& graph, OfflineSetup& setup, ReplayOutput& output,
                                                         Split split, Device* device, const std::string& device_name) {
  std::unique_ptr<ReplayEngine> engine(new ReplayEngine(graph, setup, output, split));
  auto memory = ReplayMemory::open();
  if (!memory) return memory.error();
  engine->memory_ = std::move(*memory);
  if (device) {
    engine->device_tier_ = "device:" + device_name;
    if (auto ok = prepare_device(*device, graph.chains(), true); !ok) return ok.error();
    auto lane =
        DeviceLane::open(*device, graph.chains(), engine->memory_->base(), ReplayMemory::kBytes, lane_limits(kLimits));
    if (!lane) return lane.error();
    engine->aggregator_ =
        std::make_unique<TaskAggregator>(graph.chains(), std::move(*lane), engine->memory_->base(), kLimits);
  }
  return engine;
}

ReplayEngine::~ReplayEngine() {
  aggregator_.reset();  // waits for the device, which reads the frames
}

void ReplayEngine::feed(const CapturedPacket& captured, std::uint16_t in_port) {
  const CapturedPacket p = memory_->land(captured);  // libpcap's buffer is larger than the packet
  fulcrum_parsed parsed;
  const int packet_class = fulcrum_parse(p.data, p.data + p.len, &parsed);
  if (const std::string* reason = steer_reason(packet_class)) {
    arrivals_.push_back({nullptr, 0, reason, p.len});
  } else {
    const bool on_device =
        split_ == Split::kDevice || (split_ == Split::kBuckets && (parsed.hash % FULCRUM_BUCKETS & 1));
    ReplaySlot& s = filling(in_port, on_device, p.len);
    arrivals_.push_back({&s, s.batch.count, nullptr, 0});
    s.put(p, parsed);
    if (s.batch.count == kBatchSize) dispatch(s);
  }
  while (arrivals_.size() > kMaxArrivals) wait_a_moment(push_on());
}

// The batch that the next packet joins; one that has no room goes its way first.
ReplaySlot& ReplayEngine::filling(std::uint16_t in_port, bool on_device, std::uint32_t bytes) {
  ReplaySlot*& current = filling_[2u * in_port + on_device];
  if (current && !current->has_room(bytes)) dispatch(*current);
  if (current) return *current;
  ReplaySlot& s = acquire();
  s.on_device = on_device;
  s.batch.in_port = in_port;
  s.batch.tier = on_device ? FULCRUM_TIER_DEV0 : FULCRUM_TIER_CPU;
  s.batch.maker = this;
  current = &s;
  return s;
}

ReplaySlot& ReplayEngine::acquire() {
  for (;;) {
    if (ReplaySlot* s = memory_->take(false)) return *s;
    wait_a_moment(push_on());
  }
}

Made ReplayEngine::make(Batch& b, unsigned origin, unsigned output, std::uint32_t bytes) noexcept {
  if (bytes > kMaxCapturedBytes) return {};
  ReplaySlot& parent = slot_of(b);
  if (parent.made.empty() || !parent.made.back()->has_room(bytes)) {
    ReplaySlot* fresh = memory_->take(true);
    if (!fresh) return {};
    fresh->on_device = parent.on_device;
    fresh->batch.in_port = b.in_port;
    fresh->batch.tier = b.tier;
    fresh->batch.now_ns = b.now_ns;
    fresh->batch.maker = this;
    graph_.start_made(fresh->walk);
    parent.made.push_back(fresh);
  }
  ReplaySlot& s = *parent.made.back();
  const unsigned i = s.add_like(parent, origin, bytes);
  graph_.enter(parent.walk, output, s.walk, s.batch, i);
  return {&s.batch, i};
}

void ReplayEngine::dispatch(ReplaySlot& s) {
  filling_[2u * s.batch.in_port + s.on_device] = nullptr;
  graph_.start(s.walk, s.batch);
  advance(s);
  pump();
  write_out();
}

void ReplayEngine::advance(ReplaySlot& s) {
  if (graph_.advance(s.walk, s.batch, s.on_device) == Step::kDone) {
    s.state = SlotState::kDone;
    for (ReplaySlot* m : s.made) advance(*m);
    return;
  }
  const bool taken =
      aggregator_->add(&s.batch, &s.walk, graph_.offload_mask(s.walk), graph_.chain_at(s.walk), now_ns());
  s.state = taken ? SlotState::kAtDevice : SlotState::kStalled;
  if (!taken) stalled_.push_back(&s);
}

// Moves what the device has finished, then what waited for a free task.
bool ReplayEngine::pump() {
  if (!aggregator_) return false;
  bool moved = aggregator_->poll(now_ns());
  TaskAggregator::Ready ready;
  while (aggregator_->take(ready)) {
    moved = true;
    ReplaySlot& s = slot_of(*ready.batch);
    graph_.resume(s.walk, s.batch, ready.results);
    advance(s);
  }
  for (std::size_t n = stalled_.size(); n; --n) {
    ReplaySlot& s = *stalled_.front();
    stalled_.pop_front();
    advance(s);
  }
  return moved;
}

void ReplayEngine::write_packet(ReplaySlot& s, unsigned i, bool made) {
  L2Rewrite l2 = s.batch.l2[i];
  l2.valid = s.batch.l2_bits(i);
  apply_l2(s.batch.data[i], s.batch.len[i], l2);
  output_.put({{s.batch.data[i], s.batch.len[i], s.batch.len[i] + s.missing[i], s.time_ns[i]},
               s.batch.verdict[i],
               s.batch.out_port[i],
               &setup_.reasons().name(s.batch.reason[i]),
               s.on_device ? &device_tier_ : &kCpu,
               s.batch.alert[i],
               made});
  for (ReplaySlot* m : s.made)
    for (unsigned k = 0; k < m->batch.count; ++k)
      if (m->origin[k] == i) write_packet(*m, k, true);
}

// Lets go, in order of arrival, of what is done.
bool ReplayEngine::write_out() {
  bool moved = false;
  for (; !arrivals_.empty(); arrivals_.pop_front(), moved = true) {
    const Arrival& a = arrivals_.front();
    if (!a.slot) {
      output_.put({{nullptr, a.len, a.len, 0}, Verdict::kKernel, kNoPort, a.steer_reason, &kSteer, 0, false});
      continue;
    }
    ReplaySlot& s = *a.slot;
    if (!s.finished()) break;
    write_packet(s, a.index, false);
    if (!--s.unwritten) memory_->give_back(s);
  }
  return moved;
}

// Moves the oldest packet towards its end, by a batch or task that is not full if
// there is no other way.
bool ReplayEngine::push_on() {
  if (pump() | write_out()) return true;
  if (arrivals_.empty()) return false;
  ReplaySlot* oldest = arrivals_.front().slot;
  if (oldest && oldest->state == SlotState::kFilling) {
    dispatch(*oldest);
    return true;
  }
  if (aggregator_ && aggregator_->device_idle()) aggregator_->flush();
  return false;
}

void ReplayEngine::wait_a_moment(bool moved) {
  if (!moved) sched_yield();  // the device may share this core
}

void ReplayEngine::drain() {
  for (ReplaySlot*& s : filling_)
    if (s) dispatch(*s);
  if (aggregator_) aggregator_->flush();
  while (!arrivals_.empty()) wait_a_moment(push_on());
}

}  // namespace fulcrum
