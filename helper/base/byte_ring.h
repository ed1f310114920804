// SPDX-License-Identifier: MIT
// byte_ring.h - a bounded queue of records of any size between one producer thread and one consumer.
//
// A record lies in one piece: where it would run over the end of the memory, the
// rest is skipped. Memory order as in spsc_ring.h: the producer writes a record,
// then releases tail_; the consumer acquires tail_, reads, then releases head_.
//
// Threads: reserve() and commit() one, front() and pop() another.
// Owns:    its memory, allocated once; pages come with their first use.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace fulcrum {

class ByteRing {
 public:
  // Room for at least `bytes`, of which a record may have a quarter.
  explicit ByteRing(std::size_t bytes)
      : size_(std::bit_ceil(bytes < kMinBytes ? kMinBytes : bytes)), at_(new std::uint8_t[size_]) {}

  std::size_t max_record_bytes() const noexcept { return size_ / 4 - kHead; }

  // Room for a record of `bytes`, its until commit(); null: full.
  std::uint8_t* reserve(std::size_t bytes) noexcept {
    const std::size_t need = rounded(kHead + bytes);
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t to_end = size_ - (tail & (size_ - 1));
    const std::size_t skip = need > to_end ? to_end : 0;
    if (!room(tail, skip + need)) return nullptr;
    if (skip) put_head(tail, kSkip);
    reserved_ = tail + skip;
    put_head(reserved_, static_cast<std::uint32_t>(bytes));
    next_tail_ = reserved_ + need;
    return place(reserved_) + kHead;
  }
  void commit() noexcept { tail_.store(next_tail_, std::memory_order_release); }

  // The oldest record, valid until pop(); data() is null: there is none.
  std::span<const std::uint8_t> front() noexcept {
    for (;;) {
      const std::uint64_t head = head_.load(std::memory_order_relaxed);
      if (head == seen_tail_ && head == (seen_tail_ = tail_.load(std::memory_order_acquire))) return {};
      std::uint32_t bytes;
      std::memcpy(&bytes, place(head), sizeof bytes);
      if (bytes != kSkip) return {place(head) + kHead, bytes};
      head_.store(head + size_ - (head & (size_ - 1)), std::memory_order_release);
    }
  }
  // Context: front() returned a record.
  void pop() noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::uint32_t bytes;
    std::memcpy(&bytes, place(head), sizeof bytes);
    head_.store(head + rounded(kHead + bytes), std::memory_order_release);
  }

 private:
  static constexpr std::size_t kMinBytes = 1024;
  static constexpr std::size_t kHead = 8;  // in front of a record: its length
  static constexpr std::uint32_t kSkip = ~std::uint32_t{0};

  static constexpr std::size_t rounded(std::size_t bytes) { return (bytes + 7) & ~std::size_t{7}; }
  std::uint8_t* place(std::uint64_t at) const noexcept { return at_.get() + (at & (size_ - 1)); }
  void put_head(std::uint64_t at, std::uint32_t bytes) noexcept { std::memcpy(place(at), &bytes, sizeof bytes); }
  bool room(std::uint64_t tail, std::size_t bytes) noexcept {
    if (tail + bytes - seen_head_ <= size_) return true;
    seen_head_ = head_.load(std::memory_order_acquire);
    return tail + bytes - seen_head_ <= size_;
  }

  const std::size_t size_;  // a power of 2
  const std::unique_ptr<std::uint8_t[]> at_;
  // The producer's: bytes ever written, with those skipped.
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t seen_head_ = 0, reserved_ = 0, next_tail_ = 0;
  // The consumer's.
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint64_t seen_tail_ = 0;
};

}  // namespace fulcrum
