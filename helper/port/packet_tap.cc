// SPDX-License-Identifier: MIT
// packet_tap.cc - copies of packets from workers -> a background thread -> a sink.
#include "port/packet_tap.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace fulcrum {
namespace {

// A worker at 10 Gbit/s fills 4 MiB in 3 ms: look often while packets come.
constexpr std::chrono::milliseconds kBusy{1};
constexpr std::chrono::milliseconds kIdle{10};
constexpr unsigned kBusyRounds = 100;
constexpr unsigned kRound = 4096;  // records between two looks at what else there is

}  // namespace

TapLane::TapLane(TapStyle style, std::size_t ring_bytes, bool lossless)
    : style_(std::move(style)),
      lossless_(lossless),
      snap_bytes_(std::min<std::uint32_t>(style_.snap_bytes, static_cast<std::uint32_t>(ring_bytes / 8))),
      ring_(ring_bytes) {}

bool TapLane::put(const Batch& b, unsigned i) noexcept {
  const std::uint32_t len = std::min(b.len[i], snap_bytes_);
  std::uint8_t* at;
  while (!(at = ring_.reserve(sizeof(TapRecord) + len))) {
    if (!lossless_) return false;
    sched_yield();
  }
  const TapRecord r{b.time_ns(i), len, b.len[i], b.l3_off[i], b.l4_off[i], b.proto[i], b.flags[i]};
  std::memcpy(at, &r, sizeof r);
  std::memcpy(at + sizeof r, b.data[i], len);
  apply_l2(at + sizeof r, len, b.l2[i]);
  ring_.commit();
  return true;
}

PacketTap::PacketTap(std::unique_ptr<TapSink> sink) : sink_(std::move(sink)), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "fulcrum-tap");
}

PacketTap::~PacketTap() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

std::shared_ptr<TapLane> PacketTap::lane(TapStyle style, std::size_t ring_bytes, bool lossless) {
  auto lane = std::make_shared<TapLane>(std::move(style), ring_bytes, lossless);
  std::lock_guard lock(mutex_);
  lanes_.push_back(lane);
  sink_->joined();
  return lane;
}

void PacketTap::run() noexcept {
  for (unsigned quiet = 0;;) {
    std::vector<std::shared_ptr<TapLane>> lanes;
    bool last;
    {
      std::lock_guard lock(mutex_);
      forget_closed();
      lanes = lanes_;
      last = stop_;  // before the look at the lanes: what came earlier is found
    }
    const unsigned moved = drain(lanes);
    if (moved == kRound) continue;
    sink_->idle();
    if (last) return;
    quiet = moved ? 0 : quiet + 1;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, quiet < kBusyRounds ? kBusy : kIdle, [&] { return stop_; });
  }
}

// One record at a time, from the lane whose next is the earliest. How many: kRound at most.
unsigned PacketTap::drain(const std::vector<std::shared_ptr<TapLane>>& lanes) noexcept {
  for (unsigned moved = 0; moved < kRound; ++moved) {
    TapLane* next = nullptr;
    TapRecord earliest{};
    for (const auto& lane : lanes) {
      const std::span<const std::uint8_t> record = lane->ring_.front();
      if (!record.data()) continue;
      TapRecord r;
      std::memcpy(&r, record.data(), sizeof r);
      if (next && r.time_ns >= earliest.time_ns) continue;
      next = lane.get(), earliest = r;
    }
    if (!next) return moved;
    if (!sink_->packet(next->style(), earliest, next->ring_.front().data() + sizeof earliest)) next->failed_.add(1);
    next->ring_.pop();
  }
  return kRound;
}

// A lane whose element is gone; closed comes behind its last record.
void PacketTap::forget_closed() {
  std::erase_if(lanes_, [](const auto& lane) {
    return lane->closed_.load(std::memory_order_acquire) && !lane->ring_.front().data();
  });
}

}  // namespace fulcrum
