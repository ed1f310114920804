// SPDX-License-Identifier: MIT
// match_list.h - all matches of a batch's packets, in memory that is there beforehand.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "fulcrum/batch.h"

namespace fulcrum::ids {

struct PatternMatch {
  std::uint32_t end;      // bytes of the payload up to its end
  std::uint32_t pattern;  // from 0
  auto operator<=>(const PatternMatch&) const = default;
};

// Matches of the packets handled last, by place in their batch. Room for all of
// them is shared; what does not fit is counted, not listed.
class MatchList {
 public:
  static constexpr std::size_t kRoom = 64 * 1024;

  MatchList() : room_(kRoom) {}
  // A new batch: forgets all.
  void clear() noexcept {
    used_ = 0;
    first_.fill(0);
    count_.fill(0);
  }
  // Where packet i's matches may be written; keep() says how many were.
  std::span<PatternMatch> room() noexcept { return std::span(room_).subspan(used_); }
  void keep(unsigned i, std::size_t count) noexcept {
    first_[i] = used_;
    count_[i] = count;
    used_ += count;
  }
  // By end, then by pattern.
  std::span<const PatternMatch> of(unsigned i) const noexcept { return std::span(room_).subspan(first_[i], count_[i]); }

 private:
  std::vector<PatternMatch> room_;
  std::size_t used_ = 0;
  std::array<std::size_t, kBatchSize> first_{}, count_{};
};

}  // namespace fulcrum::ids
