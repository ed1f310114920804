// SPDX-License-Identifier: MIT
// flow_table.h - which backend each flow of one worker has: fixed capacity, entries that expire.
//
// Two sets of eight entries belong to a key, a new one goes where more are free
// (Azar et al., "Balanced Allocations", STOC 1994): sets overflow only when nearly all
// of the table is in use. In full sets a new flow takes the place of one that never
// got beyond its first packet or is closing; a flow that lives is never given up.
//
// Threads: the owning worker; peek() and the counts any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "fulcrum/count.h"
#include "plugins/lb/flow_key.h"
#include "plugins/lb/maglev.h"

namespace fulcrum::lb {

inline constexpr unsigned kMaxBackends = 1024;  // ids at one time

enum class FlowState : std::uint8_t { kFree, kOpening, kOpen, kClosing };

// One flow in 32 bytes. Others than the owner read it as a whole or not at all: `rest`
// is 0 while the rest changes.
class FlowEntry {
 public:
  BackendId backend() const noexcept { return static_cast<BackendId>(load(rest_)); }
  FlowState state() const noexcept { return static_cast<FlowState>(load(rest_) >> 16 & 3); }
  std::uint64_t deadline_ns() const noexcept { return load(deadline_ns_); }
  bool is_fragment() const noexcept { return load(rest_) & kFragmentBit; }
  FlowKey key() const noexcept { return {load(hi_), load(lo_), load(rest_) & kRestMask}; }
  bool is(const FlowKey& k) const noexcept {
    return (load(rest_) & kRestMask) == k.rest && load(lo_) == k.lo && load(hi_) == k.hi;
  }

 private:
  friend class FlowTable;
  using Word = std::atomic<std::uint64_t>;
  static std::uint64_t load(const Word& w) noexcept { return w.load(std::memory_order_relaxed); }
  static void store(Word& w, std::uint64_t v) noexcept { w.store(v, std::memory_order_relaxed); }

  Word hi_{0}, lo_{0}, rest_{0}, deadline_ns_{0};
};

class FlowTable {
 public:
  // Room for `flows`, rounded up to a power of two.
  explicit FlowTable(std::uint32_t flows);

  void prefetch(std::uint64_t hash) const noexcept;
  // The flow's entry, or null: there is none, or its time is over.
  FlowEntry* find(const FlowKey& key, std::uint64_t hash, std::uint64_t now_ns) noexcept;
  // A place for a key that find() does not know; null: all places are taken by flows that live.
  FlowEntry* insert(const FlowKey& key, std::uint64_t hash, BackendId backend, FlowState state,
                    std::uint64_t deadline_ns, std::uint64_t now_ns) noexcept;
  void set(FlowEntry& e, BackendId backend, FlowState state, std::uint64_t deadline_ns) noexcept;
  void erase(FlowEntry& e) noexcept;
  // Frees what has expired in the next few sets: bounded work, all sets in turn.
  void sweep(std::uint64_t now_ns) noexcept;

  // The flow's backend as another worker has it, or kNoBackend.
  BackendId peek(const FlowKey& key, std::uint64_t hash) const noexcept;

  // Takes over the entries of `before` as far as there is room.
  void copy(const FlowTable& before) noexcept;

  std::uint32_t capacity() const noexcept { return sets_ * kWays; }
  // Flows of a backend, of all; fragments are none.
  std::uint64_t flows(BackendId id) const noexcept { return flows_[id].value(); }
  std::uint64_t flows() const noexcept { return all_.value(); }

 private:
  static constexpr unsigned kWays = 8;
  static constexpr unsigned kSweptSets = 2;
  struct alignas(64) Set {
    std::array<FlowEntry, kWays> way;
  };

  Set& first(std::uint64_t hash) const noexcept { return set_[hash & (sets_ - 1)]; }
  Set& second(std::uint64_t hash) const noexcept { return set_[fulcrum_mix(hash) & (sets_ - 1)]; }
  unsigned free_in(Set& set, std::uint64_t now_ns) noexcept;
  FlowEntry* victim(Set& one, Set& other) noexcept;
  void count(const FlowEntry& e, std::uint64_t by) noexcept;

  std::uint32_t sets_;
  std::unique_ptr<Set[]> set_;
  std::uint32_t swept_ = 0;
  std::array<Count, kMaxBackends> flows_;
  Count all_;
};

}  // namespace fulcrum::lb
