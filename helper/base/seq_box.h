// SPDX-License-Identifier: MIT
// seq_box.h - a small value that one thread writes and others read whole.
//
// Memory order: the writer makes seq_ odd, writes the words, makes it even again;
// a reader that saw an odd or another number around its copy takes it again. All
// words are atomic, so that a torn copy is thrown away and never undefined.
// Source: H. Boehm, "Can seqlocks get along with programming language memory models?" (2012).
//
// Threads: store() one, load() any.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace fulcrum {

template <class T>
class SeqBox {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  void store(const T& value) noexcept {
    Words words{};
    std::memcpy(words.data(), &value, sizeof value);
    const std::uint32_t seq = seq_.load(std::memory_order_relaxed);
    seq_.store(seq + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < words.size(); ++i) words_[i].store(words[i], std::memory_order_relaxed);
    seq_.store(seq + 2, std::memory_order_release);
  }

  // Another number than before: there was a store() in between.
  std::uint32_t version() const noexcept { return seq_.load(std::memory_order_acquire); }

  T load() const noexcept {
    for (;;) {
      const std::uint32_t before = seq_.load(std::memory_order_acquire);
      Words words;
      for (std::size_t i = 0; i < words.size(); ++i) words[i] = words_[i].load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (before % 2 || seq_.load(std::memory_order_relaxed) != before) continue;
      T value;
      std::memcpy(static_cast<void*>(&value), words.data(), sizeof value);
      return value;
    }
  }

 private:
  using Words = std::array<std::uint64_t, (sizeof(T) + 7) / 8>;
  std::array<std::atomic<std::uint64_t>, std::tuple_size_v<Words>> words_{};
  std::atomic<std::uint32_t> seq_{0};
};

}  // namespace fulcrum
