// SPDX-License-Identifier: MIT
// spsc_ring.h - a bounded queue between one producer thread and one consumer.
//
// Memory order: the producer writes a slot, then releases tail_; the consumer
// acquires tail_, reads the slot, then releases head_; the producer acquires
// head_ before it writes that slot again. Each side keeps a copy of the other's
// index and reads the shared one only when the copy says full or empty, so that
// the two cache lines move rarely.
//
// Threads: try_push() one, try_pop() and empty() another.
// Owns:    its slots, allocated once.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace fulcrum {

template <class T>
class SpscRing {
 public:
  // Room for at least `capacity` entries.
  explicit SpscRing(std::size_t capacity)
      : slot_(std::make_unique<T[]>(std::bit_ceil(capacity))), mask_(std::bit_ceil(capacity) - 1) {}

  // False: full.
  [[nodiscard]] bool try_push(const T& value) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - seen_head_ > mask_) {
      seen_head_ = head_.load(std::memory_order_acquire);
      if (tail - seen_head_ > mask_) return false;
    }
    slot_[tail & mask_] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // False: empty.
  [[nodiscard]] bool try_pop(T& value) noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == seen_tail_) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (head == seen_tail_) return false;
    }
    value = slot_[head & mask_];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  const std::unique_ptr<T[]> slot_;
  const std::size_t mask_;
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::size_t seen_head_ = 0;  // the producer's
  alignas(64) std::atomic<std::size_t> head_{0};
  std::size_t seen_tail_ = 0;  // the consumer's
};

}  // namespace fulcrum
