// SPDX-License-Identifier: MIT
// rate_window.h - amounts with times -> amount per second, of the last interval and on average.
//
// Plain data and pure functions: the worker rolls its window as packets come, a
// reader rolls a copy of it up to now.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fulcrum {

struct RateWindow {
  // Amounts: one of packets, one of bytes.
  struct Pair {
    std::uint64_t packets = 0, bytes = 0;
  };
  // Per second, in 1/1024: room for averages that fade out slowly.
  static constexpr unsigned kFractionBits = 10;

  std::uint64_t interval_ns = 0;
  std::uint64_t ewma = 1;    // the newest interval counts 1/ewma
  std::uint64_t end_ns = 0;  // of the interval at hand; 0: none began
  Pair now{};                // amounts of the interval at hand
  Pair last{}, average{};    // per second, scaled
  std::uint64_t intervals = 0;

  // What comes next has time `time_ns`; one that comes late belongs to the interval at hand.
  void roll(std::uint64_t time_ns) noexcept {
    if (!end_ns) end_ns = time_ns + interval_ns;
    if (time_ns < end_ns) return;
    close(now);
    now = {};
    std::uint64_t empty = (time_ns - end_ns) / interval_ns;
    end_ns += (empty + 1) * interval_ns;
    // Beyond so many nothing is left of an average.
    for (empty = std::min(empty, 64 * ewma); empty && (last.bytes | average.bytes | average.packets); --empty)
      close({});
  }
  void add(std::uint64_t bytes) noexcept { ++now.packets, now.bytes += bytes; }

 private:
  std::uint64_t per_second(std::uint64_t amount) const noexcept {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(amount) << kFractionBits) * 1'000'000'000u /
                                      interval_ns);
  }
  void close(const Pair& amount) noexcept {
    last = {per_second(amount.packets), per_second(amount.bytes)};
    average = {mixed(average.packets, last.packets), mixed(average.bytes, last.bytes)};
    ++intervals;
  }
  // The first interval is its own average.
  std::uint64_t mixed(std::uint64_t average_now, std::uint64_t newest) const noexcept {
    if (!intervals) return newest;
    return newest > average_now ? average_now + (newest - average_now) / ewma
                                : average_now - (average_now - newest + ewma - 1) / ewma;
  }
};

}  // namespace fulcrum
