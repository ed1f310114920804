// SPDX-License-Identifier: MIT
// histogram.h - latencies in nanoseconds -> counts per log-linear class -> percentiles.
//
// Sixteen classes an octave: a percentile is at most 1/16 above the truth. Values
// beyond 2^40 ns (18 minutes) count in the last class.
// Source: the class scheme of HdrHistogram (G. Tene).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace fulcrum {

namespace histogram {
inline constexpr unsigned kSubBits = 4;
inline constexpr unsigned kMaxBits = 40;
inline constexpr std::size_t kClasses = (kMaxBits - kSubBits + 1) << kSubBits;

constexpr std::size_t class_of(std::uint64_t value) noexcept {
  if (value >> kMaxBits) return kClasses - 1;
  if (value < (1u << kSubBits)) return static_cast<std::size_t>(value);
  unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
  return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(value >> shift);
}

// Largest value of a class.
constexpr std::uint64_t upper_bound(std::size_t index) noexcept {
  if (index < (2u << kSubBits)) return index;
  unsigned shift = static_cast<unsigned>(index >> kSubBits) - 1;
  std::uint64_t mantissa = (index & ((1u << kSubBits) - 1)) + (1u << kSubBits);
  return ((mantissa + 1) << shift) - 1;
}
}  // namespace histogram

// Counts at one moment, or between two. Plain data.
class HistogramSnapshot {
 public:
  std::array<std::uint64_t, histogram::kClasses> counts{};

  std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (std::uint64_t c : counts) sum += c;
    return sum;
  }
  void merge(const HistogramSnapshot& other) noexcept {
    for (std::size_t i = 0; i < counts.size(); i++) counts[i] += other.counts[i];
  }
  // What came after `earlier`, a snapshot of the same histogram.
  HistogramSnapshot since(const HistogramSnapshot& earlier) const noexcept {
    HistogramSnapshot out;
    for (std::size_t i = 0; i < counts.size(); i++)
      out.counts[i] = counts[i] > earlier.counts[i] ? counts[i] - earlier.counts[i] : 0;
    return out;
  }
  // Value below or at which `percent` of the samples lie; 0 where there is none.
  std::uint64_t percentile(double percent) const noexcept {
    std::uint64_t total = count();
    if (!total) return 0;
    double exact = std::ceil(static_cast<double>(total) * std::clamp(percent, 0.0, 100.0) / 100.0);
    std::uint64_t rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts.size(); i++)
      if ((seen += counts[i]) >= rank) return histogram::upper_bound(i);
    return histogram::upper_bound(histogram::kClasses - 1);
  }
};

// Threads: one writer; any reader takes a snapshot() that may be a few samples old.
class Histogram {
 public:
  void record(std::uint64_t value_ns, std::uint64_t times = 1) noexcept {
    auto& c = counts_[histogram::class_of(value_ns)];
    c.store(c.load(std::memory_order_relaxed) + times, std::memory_order_relaxed);  // single writer: no lock prefix
  }
  // Starts again from nothing. Threads: the writer.
  void clear() noexcept {
    for (auto& c : counts_) c.store(0, std::memory_order_relaxed);
  }
  HistogramSnapshot snapshot() const noexcept {
    HistogramSnapshot out;
    for (std::size_t i = 0; i < counts_.size(); i++) out.counts[i] = counts_[i].load(std::memory_order_relaxed);
    return out;
  }

 private:
  std::array<std::atomic<std::uint64_t>, histogram::kClasses> counts_{};
};

}  // namespace fulcrum
