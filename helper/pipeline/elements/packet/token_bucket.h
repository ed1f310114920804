// SPDX-License-Identifier: MIT
// token_bucket.h - a rate with a burst, by the time of packets.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fulcrum {

// Full at first. Threads: one.
class TokenBucket {
 public:
  // rate: tokens a second, 1 to 1'000'000'000; burst: tokens it holds.
  void set(std::uint32_t rate, std::uint32_t burst) {
    cost_ns_ = 1'000'000'000 / rate;
    full_ns_ = credit_ns_ = cost_ns_ * burst;
  }
  // Goes on from another one's level, as far as this one can hold it.
  void level_as(const TokenBucket& other) noexcept {
    const double level = static_cast<double>(other.credit_ns_) / static_cast<double>(other.cost_ns_);
    credit_ns_ = std::min(full_ns_, static_cast<std::uint64_t>(level * static_cast<double>(cost_ns_)));
    last_ns_ = other.last_ns_;
  }
  // One token, if there is one. Time that goes back stands still.
  bool take(std::uint64_t now_ns) noexcept {
    if (now_ns > last_ns_) {
      credit_ns_ += std::min(full_ns_ - credit_ns_, now_ns - last_ns_);
      last_ns_ = now_ns;
    }
    if (credit_ns_ < cost_ns_) return false;
    credit_ns_ -= cost_ns_;
    return true;
  }

 private:
  std::uint64_t cost_ns_ = 1, full_ns_ = 0;
  std::uint64_t credit_ns_ = 0, last_ns_ = 0;
};

}  // namespace fulcrum
