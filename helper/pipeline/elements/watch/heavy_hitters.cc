// SPDX-License-Identifier: MIT
// heavy_hitters.cc - a stream of keys with weights -> those that weigh most, in fixed room.
#include "pipeline/elements/watch/heavy_hitters.h"

#include <algorithm>
#include <bit>

namespace fulcrum {

HeavyHitters::HeavyHitters(std::uint32_t capacity, Weight weight)
    : capacity_(capacity),
      weight_(weight),
      mask_(std::bit_ceil(2 * capacity) - 1),
      places_(new Place[capacity]),
      heap_(capacity),
      buckets_(mask_ + 1, kNone) {}

void HeavyHitters::set(std::uint32_t at, std::uint32_t place) noexcept {
  heap_[at] = place;
  places_[place].heap = at;
}

// Places only get heavier: down to where both below weigh as much.
void HeavyHitters::sink(std::uint32_t at) noexcept {
  const std::uint32_t used = used_.load(std::memory_order_relaxed);
  const std::uint32_t place = heap_[at];
  const std::uint64_t weight = places_[place].weight;
  for (std::uint32_t below; (below = 2 * at + 1) < used; at = below) {
    if (below + 1 < used && places_[heap_[below + 1]].weight < places_[heap_[below]].weight) ++below;
    if (places_[heap_[below]].weight >= weight) break;
    set(at, heap_[below]);
  }
  set(at, place);
}

void HeavyHitters::rise(std::uint32_t at) noexcept {
  const std::uint32_t place = heap_[at];
  for (std::uint32_t above; at && places_[heap_[above = (at - 1) / 2]].weight > places_[place].weight; at = above)
    set(at, heap_[above]);
  set(at, place);
}

std::uint32_t HeavyHitters::find(const FlowKey& key) noexcept {
  std::uint32_t at = bucket(key);
  while (at != kNone && places_[at].key != key) at = places_[at].next;
  return at;
}

void HeavyHitters::unlink(std::uint32_t place) noexcept {
  std::uint32_t* from = &bucket(places_[place].key);
  while (*from != place) from = &places_[*from].next;
  *from = places_[place].next;
}

// A place of its own for `key`, with the weight of the lightest where none is free.
std::uint32_t HeavyHitters::take(const FlowKey& key) noexcept {
  const std::uint32_t used = used_.load(std::memory_order_relaxed);
  const bool free = used < capacity_;
  const std::uint32_t at = free ? used : heap_[0];
  Place& p = places_[at];
  if (!free) unlink(at);
  p.shown.store({});  // who saw a count of 0 sees this too, and reads again
  std::atomic_thread_fence(std::memory_order_release);
  p.packets = p.bytes = p.over = Count{};
  p.key = key;
  p.shown.store(key);
  if (free) p.weight = 0;
  p.over.add(p.weight);
  p.next = bucket(key);
  bucket(key) = at;
  if (!free) return at;
  set(used, at);
  used_.store(used + 1, std::memory_order_release);
  rise(used);
  return at;
}

void HeavyHitters::add(const FlowKey& key, std::uint64_t packets, std::uint64_t bytes, std::uint64_t over) noexcept {
  std::uint32_t at = find(key);
  if (at == kNone) at = take(key);
  Place& p = places_[at];
  p.packets.add(packets);
  p.bytes.add(bytes);
  p.over.add(over);
  p.weight += (weight_ == Weight::kBytes ? bytes : packets) + over;
  sink(p.heap);
  if (used_.load(std::memory_order_relaxed) == capacity_)
    lightest_.store(places_[heap_[0]].weight, std::memory_order_relaxed);
}

void HeavyHitters::clear() noexcept {
  used_.store(0, std::memory_order_relaxed);
  lightest_.store(0, std::memory_order_relaxed);
  std::fill(buckets_.begin(), buckets_.end(), kNone);
}

void HeavyHitters::merge(const HeavyHitters& other) noexcept {
  const std::uint32_t used = other.used_.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < used; ++i) {
    const Place& p = other.places_[i];
    add(p.key, p.packets.value(), p.bytes.value(), p.over.value());
  }
}

// A place that changes hands meanwhile is read again.
HeavyHitters::Row HeavyHitters::row(const Place& p) {
  for (;;) {
    const std::uint32_t version = p.shown.version();
    const Row row{p.shown.load(), p.packets.value(), p.bytes.value(), p.over.value()};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (p.shown.version() == version) return row;
  }
}

std::vector<HeavyHitters::Row> HeavyHitters::rows() const {
  std::vector<Row> all;
  const std::uint32_t used = used_.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < used; ++i)
    if (const Row r = row(places_[i]); r.key.family && r.packets) all.push_back(r);
  return all;
}

}  // namespace fulcrum
