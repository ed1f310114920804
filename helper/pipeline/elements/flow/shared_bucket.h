// SPDX-License-Identifier: MIT
// shared_bucket.h - token buckets that all workers draw from, and the arguments that set them.
//
// One bucket for all workers, so that a rate holds exactly however flows are spread
// over them. A batch costs two compare-and-swaps, whatever its size; nobody waits.
// Tokens are counted in 10^-9 of a packet or bit: a nanosecond earns whole ones.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fulcrum/args.h"
#include "fulcrum/batch.h"

namespace fulcrum {

inline constexpr unsigned kMaxRates = 16;  // of one element

struct BucketLimit {
  Rate rate;
  std::uint64_t burst = 0;  // packets, or bytes where the rate is of bits
};

// Threads: any, all at once.
class SharedBucket {
 public:
  // The packets of `in` for which there were tokens, each at its own time; those are paid.
  // Context: data path.
  Mask spend(const Batch& b, Mask in, const BucketLimit& limit) noexcept;

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  std::uint64_t claim(std::uint64_t first_ns, std::uint64_t last_ns, std::int64_t full) noexcept;

  alignas(64) std::atomic<std::int64_t> tokens_{0};
  std::atomic<std::uint64_t> earned_until_ns_{kNever};  // tokens up to here are in tokens_, or on their way
};

// The rates of one element in one worker, on buckets of all workers.
// Threads: configure() and parse() set-up and control; set() and spend() the worker; text() any.
class RateLimits {
 public:
  // Positional RATEs, 1 to `most`, ascending and of one kind, and BURST.
  void configure(ArgReader& args, Setup& setup, const char* class_name, unsigned most);
  unsigned size() const { return static_cast<unsigned>(limits_.size()); }
  // New rates in place of those that are: as many and of the same kind.
  Result<std::vector<BucketLimit>> parse(std::span<const Arg> args) const;
  void set(const std::vector<BucketLimit>& limits) noexcept;
  // A line a rate: "10kpps burst 1000 packets".
  std::string text() const;
  Mask spend(unsigned k, const Batch& b, Mask in) noexcept { return (*buckets_)[k].spend(b, in, limits_[k].value()); }

 private:
  // Read by control threads while the worker writes it.
  struct Shown {
    std::atomic<std::uint64_t> per_second{0}, burst{0};
    bool of_bits = false;
    Shown() = default;
    explicit Shown(const BucketLimit& l) : per_second(l.rate.per_second), burst(l.burst), of_bits(l.rate.of_bits) {}
    Shown(const Shown& s) : Shown(s.value()) {}
    BucketLimit value() const noexcept {
      return {{per_second.load(std::memory_order_relaxed), of_bits}, burst.load(std::memory_order_relaxed)};
    }
  };
  static std::vector<BucketLimit> read(ArgReader& args, unsigned most);

  std::shared_ptr<std::array<SharedBucket, kMaxRates>> buckets_;
  std::vector<Shown> limits_;
};

}  // namespace fulcrum
