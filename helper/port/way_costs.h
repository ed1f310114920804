// SPDX-License-Identifier: MIT
// way_costs.h - what bursts cost by each way out of a port -> the way of the next one.
#pragma once

#include <array>
#include <cstdint>

namespace fulcrum {

enum class Way : std::uint8_t { kLive, kRing };
const char* name_of(Way way);

// What a burst of about 2^k packets costs by each way, ns a packet, learned from
// every flush. 0: not measured.
// Threads: the worker's; others may read a burst late.
struct WayCosts {
  static constexpr unsigned kClasses = 9;  // 1, 2, 4 … 256 packets
  std::array<float, kClasses> live{}, ring{};
  std::uint32_t bursts = 0;

  // The cheaper way; now and then the dearer one, so that it goes on being measured.
  Way choose(unsigned packets) noexcept;
  void learn(Way way, unsigned packets, std::uint64_t ns) noexcept;
  // Fills all classes from what bursts of one and of `many` packets took: a fixed
  // price and one a packet.
  void assume(Way way, double one_ns, unsigned many, double many_ns) noexcept;
  // Burst from which on live frames are the cheaper way; 0: never.
  unsigned live_from() const noexcept;

 private:
  bool prefers_live(unsigned packets) const noexcept;
};

}  // namespace fulcrum
