// SPDX-License-Identifier: MIT
// chains.h - hash index over entries of a fixed array: found without a lock, changed under one a bucket.
//
// Readers walk a chain of entries that may be taken out and used again under their
// feet. Whether an entry is the one they look for they find out by its generation
// (see table.h). That a chain does not have it is sure if nothing was taken out of
// the chain meanwhile: each bucket counts that, and counts it before the entry can
// be used again. What goes in needs no count: it stands at the head at once or not yet.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <thread>

namespace fulcrum::nat {

inline constexpr std::uint32_t kNone = 0xffffffff;

template <class Entry, std::atomic<std::uint32_t> Entry::*kNext>
class Chains {
  struct Bucket {
    std::atomic<std::uint32_t> state{0};  // bit 0: locked; above: entries taken out
    std::atomic<std::uint32_t> head{kNone};
  };

 public:
  Chains(Entry* entries, std::uint32_t capacity)
      : entries_(entries),
        mask_(std::bit_ceil(2 * std::uint64_t{capacity}) - 1),
        buckets_(std::make_unique<Bucket[]>(mask_ + 1)) {}

  void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&buckets_[hash & mask_]); }

  // A bucket, locked while this lives. Order: see table.h. Threads: any.
  class Locked {
   public:
    Locked(Chains& chains, std::uint64_t hash) noexcept
        : chains_(chains), bucket_(chains.buckets_[hash & chains.mask_]) {
      for (unsigned spins = 0;; ++spins) {
        std::uint32_t state = bucket_.state.load(std::memory_order_relaxed) & ~1u;
        if (bucket_.state.compare_exchange_weak(state, state | 1, std::memory_order_acquire)) break;
        if (spins < kSpins)
          __builtin_ia32_pause();
        else
          std::this_thread::yield();  // whoever holds it does not run
      }
    }
    ~Locked() { bucket_.state.fetch_and(~1u, std::memory_order_release); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

    void insert(std::uint32_t index) noexcept {
      (chains_.entries_[index].*kNext).store(bucket_.head.load(std::memory_order_relaxed), std::memory_order_release);
      bucket_.head.store(index, std::memory_order_release);
    }
    // The entry may be used again when this returns.
    void remove(std::uint32_t index) noexcept {
      std::atomic<std::uint32_t>* from = &bucket_.head;
      for (std::uint32_t at = from->load(std::memory_order_relaxed); at != index;
           at = from->load(std::memory_order_relaxed)) {
        if (at == kNone) return;
        from = &(chains_.entries_[at].*kNext);
      }
      from->store((chains_.entries_[index].*kNext).load(std::memory_order_relaxed), std::memory_order_release);
      bucket_.state.fetch_add(2, std::memory_order_release);
    }
    template <class Match>
    std::uint32_t find(Match&& match) const noexcept {
      for (std::uint32_t at = bucket_.head.load(std::memory_order_relaxed); at != kNone;
           at = (chains_.entries_[at].*kNext).load(std::memory_order_relaxed))
        if (match(chains_.entries_[at])) return at;
      return kNone;
    }

   private:
    static constexpr unsigned kSpins = 1000;
    Chains& chains_;
    Bucket& bucket_;
  };

  // The entry of which `match` is true, or kNone. Without a lock, but where the
  // chain is changed time and again while it is being read.
  template <class Match>
  std::uint32_t find(std::uint64_t hash, Match&& match) noexcept {
    const Bucket& bucket = buckets_[hash & mask_];
    for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
      const std::uint32_t before = bucket.state.load(std::memory_order_acquire);
      std::uint32_t at = bucket.head.load(std::memory_order_acquire);
      for (unsigned steps = 0; at != kNone && steps < kMaxSteps; ++steps) {
        if (match(entries_[at])) return at;
        at = (entries_[at].*kNext).load(std::memory_order_acquire);
      }
      std::atomic_thread_fence(std::memory_order_acquire);
      if (at == kNone && before >> 1 == bucket.state.load(std::memory_order_relaxed) >> 1) return kNone;
    }
    return Locked(*this, hash).find(match);
  }

 private:
  static constexpr unsigned kAttempts = 4;
  static constexpr unsigned kMaxSteps = 256;  // who strays into other chains comes to an end

  Entry* entries_;
  std::uint64_t mask_;
  std::unique_ptr<Bucket[]> buckets_;
};

// Entries that are not in use, by number. Threads: any; no lock.
template <class Entry, std::atomic<std::uint32_t> Entry::*kNext>
class FreeList {
 public:
  FreeList(Entry* entries, std::uint32_t count) : entries_(entries) {
    for (std::uint32_t i = count; i-- > 0;) put(i);
    used_.store(0, std::memory_order_relaxed);
  }
  std::uint32_t take() noexcept {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const auto index = static_cast<std::uint32_t>(head);
      if (index == kNone) return kNone;
      const std::uint32_t next = (entries_[index].*kNext).load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, tagged(head, next), std::memory_order_acq_rel, std::memory_order_acquire)) {
        used_.fetch_add(1, std::memory_order_relaxed);
        for (std::uint32_t top = top_.load(std::memory_order_relaxed);
             top <= index && !top_.compare_exchange_weak(top, index + 1, std::memory_order_relaxed);) {
        }
        return index;
      }
    }
  }
  void put(std::uint32_t index) noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    do (entries_[index].*kNext).store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(head, tagged(head, index), std::memory_order_acq_rel));
    used_.fetch_sub(1, std::memory_order_relaxed);
  }
  // All in use, and ever in use, have smaller numbers.
  std::uint32_t top() const noexcept { return top_.load(std::memory_order_relaxed); }
  std::uint32_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  // Each change has another number, so that a head that came back is not taken for one that stayed.
  static std::uint64_t tagged(std::uint64_t before, std::uint32_t index) noexcept {
    return ((before >> 32) + 1) << 32 | index;
  }
  Entry* entries_;
  std::atomic<std::uint64_t> head_{kNone};
  std::atomic<std::uint32_t> used_{0}, top_{0};
};

}  // namespace fulcrum::nat
