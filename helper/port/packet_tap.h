// SPDX-License-Identifier: MIT
// packet_tap.h - copies of packets from workers -> a background thread -> a sink.
//
// A worker copies into its lane, a ring of bounded size, and goes on: no system
// call, no lock. The tap's thread takes records from all lanes, the earliest
// first as far as they are there, and gives them to the sink.
//
// Where a packet waits for nobody (an interface) a full ring loses the copy and
// says so; where time is the capture's (`fulcrum run`) the worker waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_ring.h"
#include "fulcrum/batch.h"
#include "fulcrum/count.h"

namespace fulcrum {

// What a record begins with; len bytes of the packet follow.
struct TapRecord {
  std::uint64_t time_ns;  // Batch::time_ns
  std::uint32_t len;      // bytes that were kept
  std::uint32_t wire_len;
  std::uint16_t l3_off, l4_off;
  std::uint8_t proto, flags;
};

// How one element wants its packets written.
struct TapStyle {
  std::uint32_t snap_bytes = 262144;
  // In captures:
  std::uint64_t max_file_bytes = 0;  // 0: no limit
  unsigned files = 1;
  // In print:
  std::string prefix{};
  std::uint32_t shown_bytes = 0;
};

// One element's way into the tap.
// Threads: put() and close() the worker's; counts any.
class TapLane {
 public:
  TapLane(TapStyle style, std::size_t ring_bytes, bool lossless);

  // Copies packet i as it leaves, with the addresses chosen so far. False: lost.
  bool put(const Batch& b, unsigned i) noexcept;
  // Nothing comes any more; what did is still written.
  void close() noexcept { closed_.store(true, std::memory_order_release); }

  const TapStyle& style() const noexcept { return style_; }
  std::uint64_t failed() const noexcept { return failed_.value(); }

 private:
  friend class PacketTap;
  const TapStyle style_;
  const bool lossless_;
  const std::uint32_t snap_bytes_;
  ByteRing ring_;
  std::atomic<bool> closed_{false};
  Count failed_;  // the tap's: could not be written
};

// Threads: the tap's.
class TapSink {
 public:
  virtual ~TapSink() = default;
  // A lane more: what failed before may be tried again. Threads: control.
  virtual void joined() noexcept {}
  // False: it could not be written.
  virtual bool packet(const TapStyle& style, const TapRecord& r, const std::uint8_t* bytes) noexcept = 0;
  // No more is there for now.
  virtual void idle() noexcept = 0;
};

class PacketTap {
 public:
  explicit PacketTap(std::unique_ptr<TapSink> sink);
  ~PacketTap();  // after all that lies in the lanes is with the sink
  PacketTap(const PacketTap&) = delete;
  PacketTap& operator=(const PacketTap&) = delete;

  // Threads: control.
  std::shared_ptr<TapLane> lane(TapStyle style, std::size_t ring_bytes, bool lossless);

 private:
  void run() noexcept;
  unsigned drain(const std::vector<std::shared_ptr<TapLane>>& lanes) noexcept;
  void forget_closed();  // Context: the mutex is held

  std::unique_ptr<TapSink> sink_;
  std::mutex mutex_;  // over lanes_ and stop_
  std::condition_variable wake_;
  std::vector<std::shared_ptr<TapLane>> lanes_;
  bool stop_ = false;
  std::thread thread_;  // last: runs on the others
};

}  // namespace fulcrum
