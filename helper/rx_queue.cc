// SPDX-License-Identifier: MIT
#include "rx_queue.h"

namespace fulcrum {

RxQueue::RxQueue(const Umem& umem, FrontMaps& maps, XskQueue& xsk, const Info& info, std::uint32_t ring_capacity,
                 std::uint32_t posted)
    : xsk_(xsk),
      info_(info),
      beat_(maps.beat(info.slot)),
      xdp_(maps.order(info.slot)),
      order_(umem.base(), info.rings) {
  beat_.generation++;
  for (unsigned r = 0; r < FULCRUM_RINGS; ++r) {
    const std::uint32_t place = sent(r);
    order_.start(r, place, ring_capacity, posted);
    beat_.retired[r] = place;
    beat_.limit[r] = r < info.rings ? order_.limit(r) : place;
  }
}

std::uint32_t RxQueue::sent(unsigned r) const noexcept { return __atomic_load_n(&xdp_.sent[r], __ATOMIC_ACQUIRE); }

void RxQueue::receive(unsigned r, Batch& b, unsigned max, FramePool& pool) noexcept {
  b.count = 0;
  b.in_port = info_.port;
  b.tier = static_cast<std::uint8_t>(FULCRUM_RING_TIER(r));
  if (!ring(r).held.empty()) order_.take_held(r, b, max);
  std::uint32_t at;
  const std::uint32_t n = xsk_ring_cons__peek(&xsk_.rx(r), max - b.count, &at);
  for (std::uint32_t k = 0; k < n; ++k) {
    if (k + 2 < n) __builtin_prefetch(&order_.meta_of(*xsk_ring_cons__rx_desc(&xsk_.rx(r), at + k + 2)));
    const xdp_desc& d = *xsk_ring_cons__rx_desc(&xsk_.rx(r), at + k);
    if (!order_.take(r, d, b)) pool.put(d.addr);
  }
  if (n) xsk_ring_cons__release(&xsk_.rx(r), n);
}

void RxQueue::publish() noexcept {
  for (unsigned r = 0; r < info_.rings; ++r) {
    const std::uint32_t retired = ring(r).retired, limit = order_.limit(r);
    if (beat_.retired[r] != retired) __atomic_store_n(&beat_.retired[r], retired, __ATOMIC_RELEASE);
    if (beat_.limit[r] != limit) __atomic_store_n(&beat_.limit[r], limit, __ATOMIC_RELEASE);
  }
}

void RxQueue::beat(std::uint64_t now_ns) noexcept { __atomic_store_n(&beat_.beat_ns, now_ns, __ATOMIC_RELEASE); }
void RxQueue::silence() noexcept { beat(0); }

void RxQueue::notice_kernel_loss(std::uint64_t now_ns) noexcept {
  for (unsigned r = 0; r < info_.rings; ++r)
    if (order_.notice_gap(r, sent(r), !xsk_cons_nb_avail(&xsk_.rx(r), 1), now_ns)) publish();
}

void RxQueue::discard_backlog() noexcept {
  if (!info_.passes_by) return;
  for (unsigned r = 0; r < info_.rings; ++r) order_.discard_before(r, sent(r));
}

bool RxQueue::drained() const noexcept {
  for (unsigned r = 0; r < info_.rings; ++r)
    if (__atomic_load_n(&beat_.retired[r], __ATOMIC_ACQUIRE) != sent(r)) return false;
  return true;
}

}  // namespace fulcrum
