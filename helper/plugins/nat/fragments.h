// SPDX-License-Identifier: MIT
// fragments.h - what became of a datagram's first fragment, for those behind it.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "key.h"

namespace fulcrum::nat {

// A datagram before translation. Addresses in host byte order.
struct DatagramId {
  std::uint32_t src, dst;
  std::uint16_t id;
  std::uint8_t proto;
  bool from_inside;
};
struct FragmentWay {
  std::uint32_t src, dst;  // new ones
  bool to_inside;
};

// Sets of four places; the oldest of a set makes room. Threads: any. Reading takes no lock
// and writing none that is waited for: a place that somebody else writes is passed over.
class FragmentTable {
 public:
  explicit FragmentTable(std::uint32_t entries)
      : mask_(std::bit_ceil((entries + kWays - 1) / kWays) - 1),
        place_(std::make_unique<Place[]>((mask_ + 1) * kWays)) {}

  // True: a datagram that may not be complete made room.
  bool remember(const DatagramId& d, const FragmentWay& way, const Clock& clock) noexcept;
  bool find(const DatagramId& d, const Clock& clock, FragmentWay& way) const noexcept;

 private:
  static constexpr std::uint32_t kWays = 4;
  struct Place {
    std::atomic<std::uint32_t> version{0};  // odd while it is written
    std::atomic<Tick> tick{0};
    std::atomic<std::uint64_t> ends{0}, rest{0};  // rest 0: empty
    std::atomic<std::uint64_t> to{0};
  };
  static constexpr std::uint64_t ends_of(const DatagramId& d) { return std::uint64_t{d.src} << 32 | d.dst; }
  static constexpr std::uint64_t kInUse = 1, kFromInside = 2, kToInside = 4;
  static constexpr std::uint64_t rest_of(const DatagramId& d) {
    return std::uint64_t{d.id} << 16 | std::uint64_t{d.proto} << 8 | (d.from_inside ? kFromInside : 0) | kInUse;
  }
  Place* set_of(const DatagramId& d) const noexcept {
    return &place_[(fulcrum_mix(ends_of(d) ^ fulcrum_mix(rest_of(d))) & mask_) * kWays];
  }

  std::uint64_t mask_;
  std::unique_ptr<Place[]> place_;
};

inline bool FragmentTable::remember(const DatagramId& d, const FragmentWay& way, const Clock& clock) noexcept {
  Place* set = set_of(d);
  Place* best = nullptr;
  std::uint32_t best_age = 0;
  for (std::uint32_t i = 0; i < kWays; ++i) {
    Place& p = set[i];
    const std::uint64_t rest = p.rest.load(std::memory_order_relaxed);
    const bool same = p.ends.load(std::memory_order_relaxed) == ends_of(d) && (rest & ~kToInside) == rest_of(d);
    const std::uint32_t age = !rest || same ? ~0u : age_of(p.tick.load(std::memory_order_relaxed), clock.now);
    if (!best || age > best_age || same) best = &p, best_age = age;
    if (same) break;
  }
  std::uint32_t version = best->version.load(std::memory_order_relaxed);
  if ((version & 1) || !best->version.compare_exchange_strong(version, version + 1, std::memory_order_acquire))
    return true;
  std::atomic_thread_fence(std::memory_order_release);
  best->ends.store(ends_of(d), std::memory_order_relaxed);
  best->rest.store(rest_of(d) | (way.to_inside ? kToInside : 0), std::memory_order_relaxed);
  best->to.store(std::uint64_t{way.src} << 32 | way.dst, std::memory_order_relaxed);
  best->tick.store(clock.now, std::memory_order_relaxed);
  best->version.store(version + 2, std::memory_order_release);
  return best_age <= clock.limit->fragment;
}

inline bool FragmentTable::find(const DatagramId& d, const Clock& clock, FragmentWay& way) const noexcept {
  const Place* set = set_of(d);
  for (std::uint32_t i = 0; i < kWays; ++i) {
    const Place& p = set[i];
    const std::uint32_t version = p.version.load(std::memory_order_acquire);
    const std::uint64_t rest = p.rest.load(std::memory_order_relaxed), to = p.to.load(std::memory_order_relaxed);
    const bool same = p.ends.load(std::memory_order_relaxed) == ends_of(d) && (rest & ~kToInside) == rest_of(d);
    const bool young = age_of(p.tick.load(std::memory_order_relaxed), clock.now) <= clock.limit->fragment;
    std::atomic_thread_fence(std::memory_order_acquire);
    if (!same || !young || (version & 1) || p.version.load(std::memory_order_relaxed) != version) continue;
    way = {static_cast<std::uint32_t>(to >> 32), static_cast<std::uint32_t>(to), (rest & kToInside) != 0};
    return true;
  }
  return false;
}

}  // namespace fulcrum::nat
