// SPDX-License-Identifier: MIT
#include "rx_queue.h"

#include <algorithm>

namespace fulcrum {
namespace {

// XDP numbers a packet, the ring shows it at the end of the NAPI poll: microseconds
// later, or as long as that thread waits for its CPU.
constexpr std::uint64_t kGapNs = 50'000'000;

bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

}  // namespace

RxQueue::RxQueue(const Umem& umem, FrontMaps& maps, XskQueue& xsk, const Info& info, std::uint32_t ring_capacity,
                 std::uint32_t posted)
    : umem_(umem), xsk_(xsk), info_(info), beat_(maps.beat(info.slot)), order_(maps.order(info.slot)) {
  beat_.generation++;
  for (unsigned r = 0; r < FULCRUM_RINGS; ++r) {
    Ring& ring = rings_[r];
    ring.next = ring.retired = ring.discard = sent(r);
    ring.capacity = ring_capacity;
    ring.held.reserve(ring_capacity);
    beat_.retired[r] = ring.retired;
    ring.posted = posted;
    beat_.limit[r] = r < info.rings ? limit_of(ring) : ring.retired;
  }
}

// A place needs a frame that the kernel can take now, and one in all until it retires.
std::uint32_t RxQueue::limit_of(const Ring& ring) noexcept {
  const std::uint32_t by_frames = ring.next + ring.posted, by_retired = ring.retired + ring.capacity;
  return before(by_frames, by_retired) ? by_frames : by_retired;
}

std::uint32_t RxQueue::sent(unsigned r) const noexcept { return __atomic_load_n(&order_.sent[r], __ATOMIC_ACQUIRE); }

const fulcrum_meta& RxQueue::meta_of(const xdp_desc& d) const noexcept {
  return *reinterpret_cast<const fulcrum_meta*>(umem_.base() + d.addr - sizeof(fulcrum_meta));
}

bool RxQueue::fence_open(const fulcrum_meta& m) const noexcept {
  if (!(m.flags & FULCRUM_META_FENCE) || m.fence_ring >= info_.rings) return true;
  return !before(rings_[m.fence_ring].retired, m.fence_pos);
}

void RxQueue::append(Batch& b, const xdp_desc& d) noexcept {
  const fulcrum_meta& m = meta_of(d);
  const unsigned i = b.count++;
  b.data[i] = umem_.base() + d.addr;
  b.len[i] = d.len;
  b.frame[i] = d.addr;
  b.l3_off[i] = m.l3_off;
  b.l4_off[i] = m.l4_off;
  b.payload_off[i] = m.payload_off;
  b.proto[i] = m.proto;
  b.flags[i] = m.flags;
  b.bucket[i] = m.bucket;
  b.hash[i] = m.hash;
  b.pos[i] = m.pos;
  b.rx_ns[i] = m.rx_ns;
  b.reset_results(i);
}

// Held packets first: they are the older ones of their buckets.
void RxQueue::take_held(Ring& ring, Batch& b, unsigned max) noexcept {
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

void RxQueue::receive(unsigned r, Batch& b, unsigned max) noexcept {
  Ring& ring = rings_[r];
  b.count = 0;
  b.in_port = info_.port;
  b.tier = static_cast<std::uint8_t>(FULCRUM_RING_TIER(r));
  if (!ring.held.empty()) take_held(ring, b, max);
  std::uint32_t at;
  const std::uint32_t n = xsk_ring_cons__peek(&xsk_.rx(r), max - b.count, &at);
  for (std::uint32_t k = 0; k < n; ++k) {
    const xdp_desc d = *xsk_ring_cons__rx_desc(&xsk_.rx(r), at + k);
    if (k + 2 < n) __builtin_prefetch(&meta_of(*xsk_ring_cons__rx_desc(&xsk_.rx(r), at + k + 2)));
    const fulcrum_meta& m = meta_of(d);
    // Backwards where one was given up too early: found again.
    if (m.pos != ring.next) ring.lost_in_kernel.add(static_cast<std::uint64_t>(static_cast<std::int32_t>(m.pos - ring.next)));
    ring.next = m.pos + 1;
    if (ring.held_bucket[m.bucket] || !fence_open(m)) {
      ring.held.push_back(d);
      ring.held_bucket[m.bucket] = true;
      ring.held_packets.add(1);
      continue;
    }
    append(b, d);
  }
  if (n) xsk_ring_cons__release(&xsk_.rx(r), n);
}

void RxQueue::advance_retired(unsigned r) noexcept {
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
}

void RxQueue::publish() noexcept {
  for (unsigned r = 0; r < info_.rings; ++r) {
    const Ring& ring = rings_[r];
    const std::uint32_t limit = limit_of(ring);
    if (beat_.retired[r] != ring.retired) __atomic_store_n(&beat_.retired[r], ring.retired, __ATOMIC_RELEASE);
    if (beat_.limit[r] != limit) __atomic_store_n(&beat_.limit[r], limit, __ATOMIC_RELEASE);
  }
}

void RxQueue::beat(std::uint64_t now_ns) noexcept { __atomic_store_n(&beat_.beat_ns, now_ns, __ATOMIC_RELEASE); }
void RxQueue::silence() noexcept { beat(0); }

void RxQueue::notice_kernel_loss(std::uint64_t now_ns) noexcept {
  for (unsigned r = 0; r < info_.rings; ++r) {
    Ring& ring = rings_[r];
    const std::uint32_t s = sent(r);
    if (s == ring.next || xsk_cons_nb_avail(&xsk_.rx(r), 1)) {
      ring.gap_since_ns = 0;
    } else if (!ring.gap_since_ns) {
      ring.gap_since_ns = now_ns;
    } else if (now_ns - ring.gap_since_ns > kGapNs) {
      ring.lost_in_kernel.add(s - ring.next);
      ring.next = s;
      ring.gap_since_ns = 0;
      advance_retired(r);
      publish();
    }
  }
}

void RxQueue::discard_backlog() noexcept {
  for (unsigned r = 0; r < info_.rings; ++r) rings_[r].discard = sent(r);
}

bool RxQueue::drained() const noexcept {
  for (unsigned r = 0; r < info_.rings; ++r)
    if (__atomic_load_n(&beat_.retired[r], __ATOMIC_ACQUIRE) != sent(r)) return false;
  return true;
}

}  // namespace fulcrum
