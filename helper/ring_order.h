// SPDX-License-Identifier: MIT
// ring_order.h - descriptors of one queue's rings -> packets of a batch, in flow order.
//
// XDP numbers the packets of each ring (places). When a bucket moves between
// rings, its packets on the new ring carry a fence: the place on the old ring that
// must have been retired first. Packets whose fence is closed are held here, and
// with them what follows in their bucket. A fence points at what was sent before
// it, and so does all that a place waits for: nothing waits in a circle.
// Times and places wrap; compare by difference.
#pragma once

#include <linux/if_xdp.h>

#include <array>
#include <bitset>
#include <cstdint>
#include <vector>

#include "base/histogram.h"
#include "fulcrum/batch.h"
#include "fulcrum/count.h"
#include "work_batch.h"

namespace fulcrum {

// Threads: the worker's; counters any.
class RingOrder {
 public:
  static constexpr unsigned kBatches = 128;  // per ring, in flight at a device

  struct Ring {
    std::uint32_t next = 0;      // place expected next
    std::uint32_t retired = 0;   // every place before it is retired (burst may not be flushed)
    std::uint32_t discard = 0;   // places before it are discarded: the helper was away
    std::uint32_t capacity = 0;  // unretired packets allowed
    std::uint32_t posted = 0;    // unreceived packets allowed: its share of the fill ring
    std::vector<xdp_desc> held;
    std::bitset<FULCRUM_BUCKETS> held_bucket;
    Fifo<WorkBatch*, kBatches> in_flight;  // in order of arrival
    std::uint64_t gap_since_ns = 0;        // since then place gap_at has not come; 0: no gap
    std::uint32_t gap_at = 0;
    Count held_packets, lost_in_kernel;
    Count bad_metadata;  // refused; their places, if they have any, are in lost_in_kernel
    // What left the ring with a verdict; written by the worker.
    Count packets, bytes, busy_ns;
    Histogram latency_ns;  // receive in XDP to hand-over, of stamped packets
  };

  // `memory`: where descriptors count from; each packet's metadata is right before it.
  RingOrder(std::uint8_t* memory, unsigned rings) : memory_(memory), rings_used_(rings) {}
  // The ring's first packet will have place `place`.
  void start(unsigned r, std::uint32_t place, std::uint32_t capacity, std::uint32_t posted);

  Ring& ring(unsigned r) noexcept { return rings_[r]; }
  const Ring& ring(unsigned r) const noexcept { return rings_[r]; }
  const fulcrum_meta& meta_of(const xdp_desc& d) const noexcept {
    return *reinterpret_cast<const fulcrum_meta*>(memory_ + d.addr - sizeof(fulcrum_meta));
  }

  // Held packets that may go now join b, up to `max` in b. Before what is new on
  // the ring: they are the older ones of their buckets.
  void take_held(unsigned r, Batch& b, unsigned max) noexcept;
  // The next packet of the ring joins b, which has room, or is held. False: its
  // metadata is not of this ABI, nothing was read of it, the frame is the caller's.
  [[nodiscard]] bool take(unsigned r, const xdp_desc& d, Batch& b) noexcept;
  // Recomputes ring.retired after a batch of ring r has left.
  void advance_retired(unsigned r) noexcept;
  // Now and then, with what XDP has sent and whether the ring shows nothing: a place
  // that does not come was dropped in the kernel. Returns true if places were given up.
  bool notice_gap(unsigned r, std::uint32_t sent, bool empty, std::uint64_t now_ns) noexcept;
  // Places before `place` are to be dropped when they retire.
  void discard_before(unsigned r, std::uint32_t place) noexcept { rings_[r].discard = place; }
  bool is_discarded(unsigned r, std::uint32_t place) const noexcept { return before(place, rings_[r].discard); }
  // XDP may fill places before this one.
  std::uint32_t limit(unsigned r) const noexcept;

 private:
  static bool before(std::uint32_t a, std::uint32_t b) noexcept { return static_cast<std::int32_t>(a - b) < 0; }
  bool fence_open(const fulcrum_meta& m) const noexcept {
    if (!(m.flags & FULCRUM_META_FENCE) || m.fence_ring >= rings_used_) return true;
    return !before(rings_[m.fence_ring].retired, m.fence_pos);
  }
  void append(Batch& b, const xdp_desc& d) noexcept;

  std::uint8_t* memory_;
  unsigned rings_used_;
  std::array<Ring, FULCRUM_RINGS> rings_;
};

inline void RingOrder::append(Batch& b, const xdp_desc& d) noexcept {
  const fulcrum_meta& m = meta_of(d);
  const unsigned i = b.count++;
  b.data[i] = memory_ + d.addr;
  b.len[i] = d.len;
  b.frame[i] = d.addr;
  b.set_headers(i, m);
  b.bucket[i] = m.bucket;
  b.pos[i] = m.pos;
  b.rx_ns[i] = m.rx_ns;
  b.reset_results(i);
}

inline bool RingOrder::take(unsigned r, const xdp_desc& d, Batch& b) noexcept {
  Ring& ring = rings_[r];
  const fulcrum_meta& m = meta_of(d);
  if (m.abi != FULCRUM_ABI) [[unlikely]] {
    ring.bad_metadata.add(1);
    return false;
  }
  // Backwards where one was given up too early: found again.
  const auto missing = static_cast<std::int32_t>(m.pos - ring.next);
  if (missing) ring.lost_in_kernel.add(static_cast<std::uint64_t>(std::int64_t{missing}));
  ring.next = m.pos + 1;
  if (!ring.held_bucket[m.bucket] && fence_open(m)) {
    append(b, d);
    return true;
  }
  ring.held.push_back(d);
  ring.held_bucket[m.bucket] = true;
  ring.held_packets.add(1);
  // If all are held, no batch will leave and tell that the missing ones are done with.
  if (missing && !b.count) advance_retired(r);
  return true;
}

}  // namespace fulcrum
