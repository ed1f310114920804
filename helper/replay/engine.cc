// SPDX-License-Identifier: MIT
// engine.cc - packets in order of arrival -> batches, graph, device -> outcomes in the same order.
#include "replay/engine.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "fulcrum_parse.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace fulcrum {
namespace {

constexpr std::size_t kSlots = 64;
constexpr std::uint32_t kRegionBytes = 2 * 1024 * 1024;  // a batch of 64 frames of 32 KiB, or fewer larger ones
constexpr std::uint32_t kGuardBytes = 64;                // between frames; poisoned under AddressSanitizer
constexpr std::size_t kFramesBytes = (kSlots + 1) * kRegionBytes;
constexpr std::size_t kMaxArrivals = 2 * kSlots * kBatchSize;
constexpr AggregateLimits kLimits = {
    .max_packets = 512, .max_batch_bytes = kRegionBytes, .deadline_ns = 1'000'000};  // 8 tasks fill all slots
static_assert(kRegionBytes >= kMaxCapturedBytes + 2 * kGuardBytes);

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

// Makes a read beyond a frame visible where the build can see it.
void guard(const std::uint8_t* at, std::uint32_t bytes, bool on) {
#if defined(__SANITIZE_ADDRESS__)
  on ? __asan_poison_memory_region(at, bytes) : __asan_unpoison_memory_region(at, bytes);
#else
  static_cast<void>(at), static_cast<void>(bytes), static_cast<void>(on);
#endif
}

std::uint32_t place_bytes(std::uint32_t len) { return (len + kTailroomBytes + kGuardBytes + 63) & ~63u; }

}  // namespace

ReplayEngine::ReplayEngine(Graph& graph, OfflineSetup& setup, ReplayOutput& output, Split split)
    : graph_(graph), setup_(setup), output_(output), split_(split), filling_(2 * FULCRUM_MAX_PORTS) {}

Result<std::unique_ptr<ReplayEngine>> ReplayEngine::open(Graph& graph, OfflineSetup& setup, ReplayOutput& output,
                                                         Split split, Device* device, const std::string& device_name) {
  std::unique_ptr<ReplayEngine> engine(new ReplayEngine(graph, setup, output, split));
  // Pages come with their first frame: small captures stay small.
  void* frames =
      mmap(nullptr, kFramesBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (frames == MAP_FAILED)
    return Error{"run: no memory: " + std::to_string(kFramesBytes >> 20) + " MiB for frames: free some"};
  engine->frames_ = static_cast<std::uint8_t*>(frames);
  guard(engine->frames_, kFramesBytes, true);
  for (std::size_t i = 0; i < kSlots; ++i) {
    engine->slots_.push_back(std::make_unique<Slot>());
    engine->slots_[i]->region = engine->frames_ + i * kRegionBytes;
  }
  if (device) {
    engine->device_tier_ = "device:" + device_name;
    if (auto ok = prepare_device(*device, graph.chains(), true); !ok) return ok.error();
    auto lane = DeviceLane::open(*device, graph.chains(), engine->frames_, kFramesBytes, lane_limits(kLimits));
    if (!lane) return lane.error();
    engine->aggregator_ = std::make_unique<TaskAggregator>(graph.chains(), std::move(*lane), engine->frames_, kLimits);
  }
  return engine;
}

ReplayEngine::~ReplayEngine() {
  aggregator_.reset();  // waits for the device, which reads the frames
  if (!frames_) return;
  guard(frames_, kFramesBytes, false);
  munmap(frames_, kFramesBytes);
}

// libpcap's buffer is larger than the packet: the parser gets it where a read
// beyond its end is seen.
CapturedPacket ReplayEngine::land(const CapturedPacket& p) {
  std::uint8_t* place = frames_ + kSlots * kRegionBytes;
  guard(place, p.len, false);
  std::memcpy(place, p.data, p.len);
  guard(place + p.len, kGuardBytes, true);
  CapturedPacket landed = p;
  landed.data = place;
  return landed;
}

void ReplayEngine::feed(const CapturedPacket& captured, std::uint16_t in_port) {
  const CapturedPacket p = land(captured);
  fulcrum_parsed parsed;
  const int packet_class = fulcrum_parse(p.data, p.data + p.len, &parsed);
  if (const std::string* reason = steer_reason(packet_class)) {
    arrivals_.push_back({nullptr, 0, reason, p.len});
  } else {
    const bool on_device =
        split_ == Split::kDevice || (split_ == Split::kBuckets && (parsed.hash % FULCRUM_BUCKETS & 1));
    put(filling(in_port, on_device, p.len), p, parsed);
  }
  while (arrivals_.size() > kMaxArrivals) wait_a_moment(push_on());
}

// The batch that the next packet joins; one that has no room goes its way first.
ReplayEngine::Slot& ReplayEngine::filling(std::uint16_t in_port, bool on_device, std::uint32_t bytes) {
  Slot*& current = filling_[2u * in_port + on_device];
  if (current && current->used_bytes + place_bytes(bytes) > kRegionBytes) dispatch(*current);
  if (current) return *current;
  Slot& s = acquire();
  s.state = State::kFilling;
  s.used_bytes = 0;
  s.on_device = on_device;
  s.batch.count = 0;
  s.batch.in_port = in_port;
  s.batch.tier = on_device ? FULCRUM_TIER_DEV0 : FULCRUM_TIER_CPU;
  current = &s;
  return s;
}

ReplayEngine::Slot& ReplayEngine::acquire() {
  for (;;) {
    for (auto& s : slots_)
      if (s->state == State::kFree) return *s;
    wait_a_moment(push_on());
  }
}

void ReplayEngine::put(Slot& s, const CapturedPacket& p, const fulcrum_parsed& parsed) {
  Batch& b = s.batch;
  const unsigned i = b.count++;
  std::uint8_t* place = s.region + s.used_bytes;
  s.used_bytes += place_bytes(p.len);
  guard(place, p.len, false);
  std::memcpy(place, p.data, p.len);
  b.data[i] = place;
  b.len[i] = p.len;
  b.frame[i] = 0;
  b.l3_off[i] = parsed.l3_off;
  b.l4_off[i] = parsed.l4_off;
  b.payload_off[i] = parsed.payload_off;
  b.proto[i] = parsed.proto;
  b.flags[i] = parsed.flags;
  b.hash[i] = parsed.hash;
  b.bucket[i] = static_cast<std::uint8_t>(parsed.hash % FULCRUM_BUCKETS);
  b.pos[i] = 0;
  b.rx_ns[i] = 0;
  b.reset_results(i);
  s.wire_len[i] = p.wire_len;
  s.time_ns[i] = p.time_ns;
  arrivals_.push_back({&s, i, nullptr, 0});
  if (b.count == kBatchSize) dispatch(s);
}

void ReplayEngine::dispatch(Slot& s) {
  filling_[2u * s.batch.in_port + s.on_device] = nullptr;
  s.unwritten = s.batch.count;
  graph_.start(s.walk, s.batch);
  advance(s);
  pump();
  write_out();
}

void ReplayEngine::advance(Slot& s) {
  if (graph_.advance(s.walk, s.batch, s.on_device) == Step::kDone) {
    s.state = State::kDone;
    return;
  }
  const bool taken =
      aggregator_->add(&s.batch, &s.walk, graph_.offload_mask(s.walk), graph_.chain_at(s.walk), now_ns());
  s.state = taken ? State::kAtDevice : State::kStalled;
  if (!taken) stalled_.push_back(&s);
}

// Moves what the device has finished, then what waited for a free task.
bool ReplayEngine::pump() {
  if (!aggregator_) return false;
  bool moved = aggregator_->poll(now_ns());
  TaskAggregator::Ready ready;
  while (aggregator_->take(ready)) {
    moved = true;
    Slot& s =
        **std::find_if(slots_.begin(), slots_.end(), [&](const auto& slot) { return &slot->batch == ready.batch; });
    graph_.resume(s.walk, s.batch, ready.results);
    advance(s);
  }
  for (std::size_t n = stalled_.size(); n; --n) {
    Slot& s = *stalled_.front();
    stalled_.pop_front();
    advance(s);
  }
  return moved;
}

// Lets go, in order of arrival, of what is done.
bool ReplayEngine::write_out() {
  bool moved = false;
  for (; !arrivals_.empty(); arrivals_.pop_front(), moved = true) {
    const Arrival& a = arrivals_.front();
    if (!a.slot) {
      output_.put({{nullptr, a.len, a.len, 0}, Verdict::kKernel, kNoPort, a.steer_reason, &kSteer, 0});
      continue;
    }
    Slot& s = *a.slot;
    if (s.state != State::kDone) break;
    const unsigned i = a.index;
    L2Rewrite l2 = s.batch.l2[i];
    l2.valid = s.batch.l2_bits(i);
    apply_l2(s.batch.data[i], s.batch.len[i], l2);
    output_.put({{s.batch.data[i], s.batch.len[i], s.wire_len[i], s.time_ns[i]},
                 s.batch.verdict[i],
                 s.batch.out_port[i],
                 &setup_.reasons().name(s.batch.reason[i]),
                 s.on_device ? &device_tier_ : &kCpu,
                 s.batch.alert[i]});
    if (--s.unwritten) continue;
    guard(s.region, s.used_bytes, true);
    s.state = State::kFree;
  }
  return moved;
}

// Moves the oldest packet towards its end, by a batch or task that is not full if
// there is no other way.
bool ReplayEngine::push_on() {
  if (pump() | write_out()) return true;
  if (arrivals_.empty()) return false;
  Slot* oldest = arrivals_.front().slot;
  if (oldest && oldest->state == State::kFilling) {
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
  for (Slot*& s : filling_)
    if (s) dispatch(*s);
  if (aggregator_) aggregator_->flush();
  while (!arrivals_.empty()) wait_a_moment(push_on());
}

}  // namespace fulcrum
