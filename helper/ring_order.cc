// SPDX-License-Identifier: MIT
#include "ring_order.h"

namespace fulcrum {

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

void RingOrder::give_up(unsigned r, std::uint32_t place) noexcept {
  Ring& ring = rings_[r];
  ring.lost_in_kernel.add(place - ring.next);
  ring.next = place;
  advance_retired(r);
}

// A place needs a frame that the kernel can take now, and one in all until it retires.
std::uint32_t RingOrder::limit(unsigned r) const noexcept {
  const Ring& ring = rings_[r];
  const std::uint32_t by_frames = ring.next + ring.posted, by_retired = ring.retired + ring.capacity;
  return before(by_frames, by_retired) ? by_frames : by_retired;
}

}  // namespace fulcrum
