// SPDX-License-Identifier: MIT
#include "ring_order.h"

namespace fulcrum {
namespace {

// XDP numbers a packet, the ring shows it at the end of the NAPI poll: microseconds
// later, or as long as that thread waits for its CPU.
constexpr std::uint64_t kGapNs = 50'000'000;

}  // namespace

void RingOrder::start(unsigned r, std::uint32_t place, std::uint32_t capacity, std::uint32_t posted) {
  Ring& ring = rings_[r];
  ring.next = ring.retired = ring.discard = place;
  ring.capacity = capacity;
  ring.posted = posted;
  ring.held.reserve(capacity);
}

void RingOrder::take_held(unsigned r, Batch& b, unsigned max) noexcept {
  Ring& ring = rings_[r];
  std::bitset<FULCRUM_BUCKETS> blocked;
  std::size_t kept = 0;
  for (const xdp_desc& d : ring.held) {
    const fulcrum_meta& m = meta_of(d);
    if (b.count < max && !blocked[m.bucket] && fence_open(m)) {
      append(b, d);
      continue;
    }
    blocked[m.bucket] = true;
    ring.held[kept++] = d;
  }
  ring.held.resize(kept);
  ring.held_bucket = blocked;
}

void RingOrder::advance_retired(unsigned r) noexcept {
  Ring& ring = rings_[r];
  std::uint32_t oldest = ring.next;
  if (!ring.held.empty() && before(meta_of(ring.held.front()).pos, oldest)) oldest = meta_of(ring.held.front()).pos;
  // A batch may start with packets that had been held: its first is its oldest
  // only within its bucket, so look at all of them while something is in flight.
  for (unsigned k = 0; k < ring.in_flight.size(); ++k) {
    const Batch& b = ring.in_flight.at(k)->batch;
    for (unsigned i = 0; i < b.count; ++i)
      if (before(b.pos[i], oldest)) oldest = b.pos[i];
    if (ring.held_packets.value() == 0) break;  // never held: the first batch is the oldest
  }
  ring.retired = oldest;
  // Else it would lie ahead again once the places have gone half round.
  if (before(ring.discard, oldest)) ring.discard = oldest;
}

// Under load XDP is ahead at every look, so only a place that stays away counts.
bool RingOrder::notice_gap(unsigned r, std::uint32_t sent, bool empty, std::uint64_t now_ns) noexcept {
  Ring& ring = rings_[r];
  if (sent == ring.next || !empty) {
    ring.gap_since_ns = 0;
  } else if (!ring.gap_since_ns || ring.gap_at != ring.next) {
    ring.gap_since_ns = now_ns;
    ring.gap_at = ring.next;
  } else if (now_ns - ring.gap_since_ns > kGapNs) {
    ring.lost_in_kernel.add(sent - ring.next);
    ring.next = sent;
    ring.gap_since_ns = 0;
    advance_retired(r);
    return true;
  }
  return false;
}

// A place needs a frame that the kernel can take now, and one in all until it retires.
std::uint32_t RingOrder::limit(unsigned r) const noexcept {
  const Ring& ring = rings_[r];
  const std::uint32_t by_frames = ring.next + ring.posted, by_retired = ring.retired + ring.capacity;
  return before(by_frames, by_retired) ? by_frames : by_retired;
}

}  // namespace fulcrum
