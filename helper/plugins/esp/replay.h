// SPDX-License-Identifier: MIT
// replay.h - sequence numbers: given out once, taken once, without a lock.
//
// Workers and devices share an SA. A sender's numbers come from one atomic
// counter. A receiver's window is a ring of words, each the bits of 32 numbers
// and the number of its block, in the manner of RFC 6479; a word only ever moves
// to a later block, so no number can be taken twice whoever races.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

namespace fulcrum::esp {

// Threads: any.
class SequenceCounter {
 public:
  explicit SequenceCounter(bool esn) : last_(esn ? ~std::uint64_t{0} - kOvershoot : 0xffffffffu) {}
  // The next number, from 1 on; 0: used up, RFC 4303 3.3.3.
  std::uint64_t take() noexcept {
    if (used_.load(std::memory_order_relaxed) >= last_) return 0;
    const std::uint64_t number = used_.fetch_add(1, std::memory_order_relaxed) + 1;
    return number <= last_ ? number : 0;
  }
  std::uint64_t used() const noexcept { return std::min(used_.load(std::memory_order_relaxed), last_); }
  void start_behind(std::uint64_t number) noexcept { used_.store(number, std::memory_order_relaxed); }

 private:
  // Threads that pass the check at once go beyond the last number, but never round to the first.
  static constexpr std::uint64_t kOvershoot = 1 << 20;
  const std::uint64_t last_;
  alignas(64) std::atomic<std::uint64_t> used_{0};
};

// Threads: any.
class ReplayWindow {
 public:
  // `size`: numbers behind the highest that are still taken.
  explicit ReplayWindow(std::uint32_t size) : size_(size), words_(std::bit_ceil(size / 32 + 2)) {
    word_ = std::make_unique<std::atomic<std::uint64_t>[]>(words_);
  }

  // The upper half of a received number with ESN, RFC 4303 A2.2.
  std::uint32_t upper_half(std::uint32_t low) const noexcept {
    const std::uint64_t top = top_.load(std::memory_order_relaxed);
    const auto top_high = static_cast<std::uint32_t>(top >> 32);
    const auto top_low = static_cast<std::uint32_t>(top);
    const std::uint32_t bottom = top_low - size_ + 1;
    if (top_low >= size_ - 1) return low >= bottom ? top_high : top_high + 1;
    return low >= bottom && top_high ? top_high - 1 : top_high;
  }

  // Cheap, before authentication: could it be taken?
  bool may_take(std::uint64_t number) const noexcept {
    if (!number || left_of_window(number)) return false;
    const std::uint64_t w = word_[slot(number)].load(std::memory_order_relaxed);
    const std::int32_t ahead = blocks_ahead(w, number);
    return ahead > 0 || (ahead == 0 && !(w & bit(number)));
  }

  // After authentication. False: it was taken before, or is too old by now.
  bool take(std::uint64_t number) noexcept {
    if (!number || left_of_window(number)) return false;
    std::atomic<std::uint64_t>& word = word_[slot(number)];
    std::uint64_t w = word.load(std::memory_order_relaxed);
    for (;;) {
      const std::int32_t ahead = blocks_ahead(w, number);
      if (ahead < 0 || (ahead == 0 && (w & bit(number)))) return false;
      const std::uint64_t next = ahead == 0 ? w | bit(number) : std::uint64_t{block(number)} << 32 | bit(number);
      if (word.compare_exchange_weak(w, next, std::memory_order_relaxed)) break;
    }
    std::uint64_t top = top_.load(std::memory_order_relaxed);
    while (top < number && !top_.compare_exchange_weak(top, number, std::memory_order_relaxed)) {
    }
    return true;
  }

  std::uint64_t top() const noexcept { return top_.load(std::memory_order_relaxed); }

 private:
  static std::uint32_t block(std::uint64_t number) noexcept { return static_cast<std::uint32_t>(number >> 5); }
  static std::uint64_t bit(std::uint64_t number) noexcept { return std::uint64_t{1} << (number & 31); }
  std::size_t slot(std::uint64_t number) const noexcept { return block(number) & (words_ - 1); }
  bool left_of_window(std::uint64_t number) const noexcept {
    const std::uint64_t top = top_.load(std::memory_order_relaxed);
    return top >= size_ && number <= top - size_;
  }
  // How many blocks the number's is later than the word's.
  static std::int32_t blocks_ahead(std::uint64_t word, std::uint64_t number) noexcept {
    return static_cast<std::int32_t>(block(number) - static_cast<std::uint32_t>(word >> 32));
  }

  const std::uint32_t size_;
  const std::uint32_t
      words_;  // a power of two; more than the window needs by a block, so that its ends never share one
  alignas(64) std::atomic<std::uint64_t> top_{0};
  std::unique_ptr<std::atomic<std::uint64_t>[]> word_;
};

}  // namespace fulcrum::esp
