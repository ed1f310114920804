// SPDX-License-Identifier: MIT
// flow_table.cc - which backend each flow of one worker has: fixed capacity, entries that expire.
#include "plugins/lb/flow_table.h"

#include <algorithm>
#include <bit>

namespace fulcrum::lb {

FlowTable::FlowTable(std::uint32_t flows)
    : sets_(std::bit_ceil(std::max(flows, 2 * kWays)) / kWays), set_(std::make_unique<Set[]>(sets_)) {}

void FlowTable::prefetch(std::uint64_t hash) const noexcept {
  for (const Set* s : {&first(hash), &second(hash)})
    for (unsigned w = 0; w < kWays; w += 2) __builtin_prefetch(&s->way[w]);
}

void FlowTable::count(const FlowEntry& e, std::uint64_t by) noexcept {
  if (e.is_fragment()) return;
  flows_[e.backend()].add(by);
  all_.add(by);
}

void FlowTable::erase(FlowEntry& e) noexcept {
  if (e.state() == FlowState::kFree) return;
  count(e, ~std::uint64_t{0});
  FlowEntry::store(e.rest_, 0);
}

void FlowTable::set(FlowEntry& e, BackendId backend, FlowState state, std::uint64_t deadline_ns) noexcept {
  if (e.backend() != backend) {
    count(e, ~std::uint64_t{0});
    FlowEntry::store(e.rest_, e.key().rest | backend);
    count(e, 1);
  }
  FlowEntry::store(e.deadline_ns_, deadline_ns);
  FlowEntry::store(e.rest_, e.key().rest | static_cast<std::uint64_t>(state) << 16 | backend);
}

FlowEntry* FlowTable::find(const FlowKey& key, std::uint64_t hash, std::uint64_t now_ns) noexcept {
  for (Set* s : {&first(hash), &second(hash)})
    for (FlowEntry& e : s->way) {
      if (!e.is(key) || e.state() == FlowState::kFree) continue;
      if (e.deadline_ns() > now_ns) return &e;
      erase(e);
      return nullptr;
    }
  return nullptr;
}

// Frees what has expired on the way.
unsigned FlowTable::free_in(Set& set, std::uint64_t now_ns) noexcept {
  unsigned free = 0;
  for (FlowEntry& e : set.way) {
    if (e.deadline_ns() <= now_ns) erase(e);
    free += e.state() == FlowState::kFree;
  }
  return free;
}

FlowEntry* FlowTable::victim(Set& one, Set& other) noexcept {
  FlowEntry* found = nullptr;
  for (Set* s : {&one, &other})
    for (FlowEntry& e : s->way)
      if (e.state() != FlowState::kOpen && (!found || e.deadline_ns() < found->deadline_ns())) found = &e;
  if (found) erase(*found);
  return found;
}

FlowEntry* FlowTable::insert(const FlowKey& key, std::uint64_t hash, BackendId backend, FlowState state,
                             std::uint64_t deadline_ns, std::uint64_t now_ns) noexcept {
  Set &one = first(hash), &other = second(hash);
  const unsigned free_one = free_in(one, now_ns), free_other = free_in(other, now_ns);
  FlowEntry* e = nullptr;
  if (free_one || free_other) {
    for (FlowEntry& candidate : (free_one >= free_other ? one : other).way)
      if (candidate.state() == FlowState::kFree) e = &candidate;
  } else {
    e = victim(one, other);
  }
  if (!e) return nullptr;
  std::atomic_thread_fence(std::memory_order_release);  // peek() sees it free before it changes
  FlowEntry::store(e->hi_, key.hi);
  FlowEntry::store(e->lo_, key.lo);
  FlowEntry::store(e->deadline_ns_, deadline_ns);
  e->rest_.store(key.rest | static_cast<std::uint64_t>(state) << 16 | backend, std::memory_order_release);
  count(*e, 1);
  return e;
}

void FlowTable::sweep(std::uint64_t now_ns) noexcept {
  for (unsigned n = 0; n < kSweptSets; ++n) {
    free_in(set_[swept_], now_ns);
    swept_ = (swept_ + 1) & (sets_ - 1);
  }
}

BackendId FlowTable::peek(const FlowKey& key, std::uint64_t hash) const noexcept {
  for (const Set* s : {&first(hash), &second(hash)})
    for (const FlowEntry& e : s->way) {
      const std::uint64_t rest = e.rest_.load(std::memory_order_acquire);
      if ((rest & kRestMask) != key.rest || !(rest >> 16 & 3) || FlowEntry::load(e.lo_) != key.lo ||
          FlowEntry::load(e.hi_) != key.hi)
        continue;
      std::atomic_thread_fence(std::memory_order_acquire);
      if (FlowEntry::load(e.rest_) == rest) return static_cast<BackendId>(rest);
    }
  return kNoBackend;
}

void FlowTable::copy(const FlowTable& before) noexcept {
  for (std::uint32_t s = 0; s < before.sets_; ++s)
    for (const FlowEntry& e : before.set_[s].way) {
      if (e.state() == FlowState::kFree) continue;
      const FlowKey key = e.key();
      insert(key, flow_hash(key), e.backend(), e.state(), e.deadline_ns(), 0);
    }
}

}  // namespace fulcrum::lb
