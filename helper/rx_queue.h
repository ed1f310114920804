// SPDX-License-Identifier: MIT
// rx_queue.h - the rings of one RX queue -> packets of a batch, in flow order.
//
// XDP numbers the packets of each ring (places). When a bucket moves between
// rings, its packets on the new ring carry a fence: the place on the old ring that
// must have been retired first. Packets whose fence is closed are held here, and
// with them what follows in their bucket. Times and places wrap; compare by difference.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <vector>

#include "base/histogram.h"
#include "fulcrum/batch.h"
#include "fulcrum/count.h"
#include "pipeline/graph.h"
#include "port/maps.h"
#include "port/xsk.h"

namespace fulcrum {

class RxQueue;

// A batch on its way through a worker. Holder: the worker, or the task of a device.
struct WorkBatch {
  Batch batch;
  Walk walk;
  RxQueue* queue = nullptr;
  unsigned ring = 0;
  bool done = false;  // has all its verdicts, waits for its turn to retire
};

// A bounded first-in first-out of pointers; capacity is a power of two.
template <class T, unsigned kCapacity>
class Fifo {
 public:
  bool empty() const noexcept { return head_ == tail_; }
  bool full() const noexcept { return tail_ - head_ == kCapacity; }
  unsigned size() const noexcept { return tail_ - head_; }
  void push(T v) noexcept { at_[tail_++ % kCapacity] = v; }
  T front() const noexcept { return at_[head_ % kCapacity]; }
  T pop() noexcept { return at_[head_++ % kCapacity]; }
  T at(unsigned i) const noexcept { return at_[(head_ + i) % kCapacity]; }

 private:
  std::array<T, kCapacity> at_{};
  unsigned head_ = 0, tail_ = 0;
};

// Threads: the worker's; counters any.
class RxQueue {
 public:
  static constexpr unsigned kBatches = 128;  // per ring, in flight at a device

  struct Ring {
    std::uint32_t next = 0;     // place expected next
    std::uint32_t retired = 0;  // every place before it is retired (burst may not be flushed)
    std::uint32_t discard = 0;  // places before it are discarded: the helper was away
    std::uint32_t capacity = 0; // unretired packets allowed
    std::uint32_t posted = 0;   // unreceived packets allowed: its share of the fill ring
    std::vector<xdp_desc> held;
    std::bitset<FULCRUM_BUCKETS> held_bucket;
    Fifo<WorkBatch*, kBatches> in_flight;  // in order of arrival
    std::uint64_t gap_since_ns = 0;        // XDP is ahead of the ring since then
    Count held_packets, lost_in_kernel;
    // What left the ring with a verdict; written by the worker.
    Count packets, bytes, busy_ns;
    Histogram latency_ns;  // receive in XDP to hand-over, of stamped packets
  };

  struct Info {
    std::uint16_t port = 0;  // index of the port
    std::uint32_t ifindex = 0;
    std::uint32_t queue = 0;
    std::uint32_t slot = 0;
    unsigned rings = 1;
  };

  RxQueue(const Umem& umem, FrontMaps& maps, XskQueue& xsk, const Info& info, std::uint32_t ring_capacity,
          std::uint32_t posted);

  const Info& info() const { return info_; }
  XskQueue& xsk() { return xsk_; }
  Ring& ring(unsigned r) { return rings_[r]; }
  const Ring& ring(unsigned r) const { return rings_[r]; }

  // Up to `max` packets of ring r that may go now. Sets batch.count.
  void receive(unsigned r, Batch& b, unsigned max) noexcept;
  // Recomputes ring.retired after a batch of ring r has left.
  void advance_retired(unsigned r) noexcept;
  // Tells XDP what has left, once the bursts are flushed.
  void publish() noexcept;
  void beat(std::uint64_t now_ns) noexcept;
  void silence() noexcept;  // heartbeat 0: XDP applies the policy
  // Packets that XDP counted but the kernel dropped on the way to the ring.
  void notice_kernel_loss(std::uint64_t now_ns) noexcept;
  // Everything now on the rings is old: to be dropped, not sent behind newer packets.
  void discard_backlog() noexcept;
  // Nothing received is unretired, nothing sent is unreceived. Threads: any.
  bool drained() const noexcept;

 private:
  static std::uint32_t limit_of(const Ring& ring) noexcept;
  bool fence_open(const fulcrum_meta& m) const noexcept;
  void take_held(Ring& ring, Batch& b, unsigned max) noexcept;
  void append(Batch& b, const xdp_desc& d) noexcept;
  const fulcrum_meta& meta_of(const xdp_desc& d) const noexcept;
  std::uint32_t sent(unsigned r) const noexcept;

  const Umem& umem_;
  XskQueue& xsk_;
  Info info_;
  fulcrum_beat& beat_;
  const fulcrum_order& order_;
  std::array<Ring, FULCRUM_RINGS> rings_;
};

}  // namespace fulcrum
