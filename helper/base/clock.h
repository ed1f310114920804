// SPDX-License-Identifier: MIT
// clock.h - CLOCK_MONOTONIC in nanoseconds, the one time of helper and XDP.
#pragma once

#include <time.h>

#include <cstdint>

namespace fulcrum {

// Same clock as bpf_ktime_get_ns(), so stamps of XDP and helper compare.
inline std::uint64_t now_ns() noexcept {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace fulcrum
