// SPDX-License-Identifier: MIT
// beat_clock.h - heartbeats of a worker -> may XDP have let packets pass by it?
//
// XDP judges by the last heartbeat that was written, and does so until the next one
// is. Between two clock readings the worker may be off its CPU for any time. So a
// heartbeat is judged by a reading from after it was written, against the one before.
#pragma once

#include <cstdint>

namespace fulcrum {

// Threads: the worker's.
class BeatClock {
 public:
  explicit BeatClock(std::uint64_t limit_ns) : hold_ns_(limit_ns / 4 * 3) {}

  std::uint64_t beat_ns() const noexcept { return beat_ns_; }
  // A heartbeat was written; `after_ns` was read later. True: XDP may have let
  // packets pass before it, and what was put on rings before that must not follow.
  [[nodiscard]] bool wrote(std::uint64_t beat_ns, std::uint64_t after_ns) noexcept {
    const bool late = beat_ns_ && after_ns - beat_ns_ > hold_ns_;
    beat_ns_ = beat_ns;
    return late;
  }
  // Until when packets may be sent. The rest of XDP's limit is for the burst under
  // way, so that no packet passes while it is sent.
  std::uint64_t deadline_ns() const noexcept { return beat_ns_ + hold_ns_; }

 private:
  std::uint64_t hold_ns_, beat_ns_ = 0;  // 0: none yet
};

}  // namespace fulcrum
