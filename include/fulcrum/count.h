// SPDX-License-Identifier: MIT
// count.h - a counter with one writer and any number of readers.
//
// Threads: add() the owner only; value() any, may be a batch old. On x86 and arm
// both are plain loads and stores: no locked instruction.
#pragma once

#include <atomic>
#include <cstdint>

namespace fulcrum {

class Count {
 public:
  Count() = default;
  Count(const Count& other) noexcept : value_(other.value()) {}
  Count& operator=(const Count& other) noexcept {
    value_.store(other.value(), std::memory_order_relaxed);
    return *this;
  }
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace fulcrum
