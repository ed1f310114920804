// SPDX-License-Identifier: MIT
#include "port/return_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/clock.h"
#include "fulcrum/batch.h"
#include "port/link.h"

namespace fulcrum {
namespace {

constexpr unsigned kProbeBurst = 32, kProbeRounds = 4;
constexpr auto kProbeWait = std::chrono::milliseconds(100);
constexpr std::uint16_t kProbeEtherType = 0x88b5;  // IEEE 802: local experimental

}  // namespace

void ReturnPath::add(const Item& item) noexcept {
  items_[count_++] = item;
  if (item.port == kKernel) {
    ++kernel_count_;
    return;
  }
  used_ |= std::uint64_t{1} << item.port;
  ++per_port_[item.port];
}

void ReturnPath::transmit(std::uint64_t addr, std::uint32_t len, std::uint16_t port, const L2Rewrite& l2,
                          bool timed) noexcept {
  add({addr, len, port, l2, timed});
  if (full()) flush();
}

void ReturnPath::to_kernel(std::uint64_t addr, std::uint32_t len, std::uint32_t ingress, std::uint32_t queue,
                           const L2Rewrite& l2, bool timed) noexcept {
  // One call has one ingress.
  if (kernel_count_ && (ingress != ingress_ || queue != ingress_queue_)) flush();
  ingress_ = ingress;
  ingress_queue_ = queue;
  add({addr, len, kKernel, l2, timed});
  if (full()) flush();
}

bool ReturnPath::choose_live(OutPort& p, unsigned packets) noexcept {
  const bool can_live = live_ && p.live_ok.load(std::memory_order_relaxed);
  if (!can_live || !p.queue) return can_live;
  if (p.forced) return p.forced_way == Way::kLive;
  if (p.queue->mode() == FULCRUM_XSK_ZEROCOPY) return false;
  return p.costs.choose(packets) == Way::kLive;
}

void ReturnPath::forget_burst() noexcept {
  for (Mask m = used_; m; m &= m - 1) per_port_[std::countr_zero(m)] = 0;
  used_ = 0;
  count_ = kernel_count_ = 0;
}

void ReturnPath::lose_late(const Item& item) noexcept {
  pool_.put(item.addr);
  totals_.lost_overtaken.add(1);
}

void ReturnPath::drop_late(std::uint64_t now_ns) noexcept {
  if (now_ns <= deadline_ns_) return;
  const unsigned n = count_;
  forget_burst();
  // In place: add() writes no further than this reads.
  for (unsigned i = 0; i < n; ++i)
    if (const Item item = items_[i]; item.timed)
      lose_late(item);
    else
      add(item);
}

std::uint64_t ReturnPath::flush() noexcept {
  const std::uint64_t t0 = now_ns();
  drop_late(t0);
  if (!count_) return t0;
  const unsigned burst = count_;
  unsigned live_pkts = 0;
  goes_live_ = 0;
  for (Mask m = used_; m; m &= m - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(m));
    OutPort& p = *ports_[i];
    if (!choose_live(p, burst)) continue;
    // What went to its ring before must be out before this burst.
    if (p.queue && !p.queue->tx_drained() && !p.queue->kick(pool_)) continue;
    goes_live_ |= std::uint64_t{1} << i;
    live_pkts += per_port_[i];
  }
  const unsigned ring_pkts = burst - kernel_count_ - live_pkts;
  Tap* tap = kernel_count_ ? tap_of(ingress_) : nullptr;
  const bool kernel_live = kernel_count_ && live_ && !tap;
  const bool live = live_pkts || kernel_live;
  if (live) flush_live(burst, kernel_live);
  const std::uint64_t t1 = live ? now_ns() : t0;
  if (kernel_count_ && !kernel_live) kernel_by_tap(tap);
  if (ring_pkts) flush_rings(t1);
  const std::uint64_t t2 = ring_pkts ? now_ns() : t1;
  learn(t1 - t0, live_pkts + (kernel_live ? kernel_count_ : 0), t2 - t1, ring_pkts);
  forget_burst();
  return t2;
}

Tap* ReturnPath::tap_of(std::uint32_t ingress) const noexcept {
  for (const PortTap& t : taps_)
    if (t.ingress == ingress) return t.tap;
  return nullptr;
}

void ReturnPath::flush_live(unsigned packets, bool kernel) noexcept {
  for (Mask m = goes_live_; m; m &= m - 1) {
    OutPort& p = *ports_[std::countr_zero(m)];
    p.sent_live.add(per_port_[std::countr_zero(m)]);
  }
  for (unsigned i = 0; i < packets; ++i) {
    const Item& it = items_[i];
    if (it.port == kKernel && kernel)
      live_->add(it.addr, it.len, 0, it.l2, it.timed);
    else if (it.port != kKernel && (goes_live_ >> it.port & 1))
      live_->add(it.addr, it.len, ports_[it.port]->ifindex, it.l2, it.timed);
    else
      continue;
    pool_.put(it.addr);  // reused only after flush(), which is below
  }
  const unsigned want = live_->pending();
  const unsigned to_stack = kernel ? kernel_count_ : 0;
  const unsigned done = live_->flush(kernel ? ingress_ : 0, kernel ? ingress_queue_ : 0, deadline_ns_);
  if (done < want) totals_.lost_live_error.add(want - done);
  if (const auto bad = live_->refused(); bad > totals_.lost_refused.value())
    totals_.lost_refused.add(bad - totals_.lost_refused.value());
  totals_.lost_overtaken.add(live_->late() - live_late_);
  live_late_ = live_->late();
  totals_.kernel.add(to_stack);
  totals_.live.add(want - to_stack);
}

void ReturnPath::flush_rings(std::uint64_t now_ns) noexcept {
  std::uint64_t rings = 0;
  for (unsigned i = 0; i < count_; ++i) {
    const Item& it = items_[i];
    if (it.port == kKernel || (goes_live_ >> it.port & 1)) continue;
    if (is_late(it, now_ns)) {
      lose_late(it);
      continue;
    }
    OutPort& p = *ports_[it.port];
    if (!p.queue) {
      pool_.put(it.addr);
      totals_.lost_no_way.add(1);
      continue;
    }
    put_on_ring(p, it);
    rings |= std::uint64_t{1} << it.port;
  }
  for (; rings; rings &= rings - 1) {
    XskQueue& q = *ports_[std::countr_zero(rings)]->queue;
    q.kick(pool_);
    q.reap(pool_);
  }
}

void ReturnPath::put_on_ring(OutPort& p, const Item& it) noexcept {
  std::uint32_t at;
  for (int i = 0; xsk_ring_prod__reserve(&p.queue->tx(), 1, &at) != 1; ++i) {
    p.queue->kick(pool_);
    p.queue->reap(pool_);
    if (i < 3) continue;
    pool_.put(it.addr);
    totals_.lost_ring_full.add(1);
    return;
  }
  apply_l2(umem_.base() + it.addr, it.len, it.l2);
  *xsk_ring_prod__tx_desc(&p.queue->tx(), at) = xdp_desc{it.addr, it.len, 0};
  xsk_ring_prod__submit(&p.queue->tx(), 1);
  p.queue->tx_submitted(1);
  p.sent_ring.add(1);
  totals_.ring.add(1);
}

void ReturnPath::kernel_by_tap(Tap* tap) noexcept {
  for (unsigned i = 0; i < count_; ++i) {
    const Item& it = items_[i];
    if (it.port != kKernel) continue;
    if (is_late(it, now_ns())) {  // each is a call of its own
      lose_late(it);
      continue;
    }
    apply_l2(umem_.base() + it.addr, it.len, it.l2);
    if (tap && tap->write(umem_.base() + it.addr, it.len))
      totals_.tap.add(1);
    else
      totals_.lost_kernel_error.add(1);
    pool_.put(it.addr);
  }
}

void ReturnPath::learn(std::uint64_t live_ns, unsigned live_pkts, std::uint64_t ring_ns, unsigned ring_pkts) noexcept {
  if (live_pkts && ring_pkts) return;  // mixed bursts teach nothing about one way
  for (Mask m = used_; m; m &= m - 1) {
    WayCosts& c = ports_[std::countr_zero(m)]->costs;
    if (live_pkts) c.learn(Way::kLive, live_pkts, live_ns);
    if (ring_pkts) c.learn(Way::kRing, ring_pkts, ring_ns);
  }
}

void ReturnPath::reap() noexcept {
  for (auto& p : ports_) {
    if (!p->queue || !p->queue->tx_outstanding()) continue;
    if (!p->queue->tx_drained()) p->queue->kick(pool_);
    p->queue->reap(pool_);
  }
}

// ---- measuring at start ------------------------------------------------------

// Returns the time for `packets` probe frames in one burst by one way.
std::uint64_t ReturnPath::send_probes(OutPort& p, Way way, unsigned packets, std::uint64_t frame) {
  std::uint8_t* f = umem_.base() + frame;
  std::memset(f, 0, 60);
  std::memcpy(f, p.mac.data(), 6);
  std::memcpy(f + 6, p.mac.data(), 6);
  f[12] = kProbeEtherType >> 8;
  f[13] = kProbeEtherType & 0xff;
  const std::uint64_t t0 = now_ns();
  if (way == Way::kLive) {
    for (unsigned i = 0; i < packets; ++i) live_->add(frame, 60, p.ifindex, L2Rewrite{}, false);
    live_->flush(0, 0, 0);
    return now_ns() - t0;
  }
  std::uint32_t at;
  if (xsk_ring_prod__reserve(&p.queue->tx(), packets, &at) != packets) return 0;
  for (unsigned i = 0; i < packets; ++i) {
    std::uint64_t copy = pool_.take();
    std::memcpy(umem_.base() + copy, f, 60);
    *xsk_ring_prod__tx_desc(&p.queue->tx(), at + i) = xdp_desc{copy, 60, 0};
  }
  xsk_ring_prod__submit(&p.queue->tx(), packets);
  p.queue->tx_submitted(packets);
  p.queue->kick(pool_);
  p.queue->reap(pool_);
  return now_ns() - t0;
}

void ReturnPath::measure(OutPort& p) {
  const std::uint64_t frame = pool_.take();
  auto best = [&](Way way, unsigned packets) {
    std::uint64_t b = ~std::uint64_t{0};
    for (unsigned i = 0; i < kProbeRounds; ++i) b = std::min(b, send_probes(p, way, packets, frame));
    return static_cast<double>(b);
  };
  if (live_) {
    const std::uint64_t before = link_tx_packets(p.name);
    const double one = best(Way::kLive, 1);
    const auto until = std::chrono::steady_clock::now() + kProbeWait;
    bool seen = false;
    while (!(seen = link_tx_packets(p.name) >= before + kProbeRounds) && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    p.live_ok = seen;
    if (seen)
      p.costs.assume(Way::kLive, one, kProbeBurst, best(Way::kLive, kProbeBurst));
    else
      p.note = "live frames do not arrive (a veth peer needs XDP or `ethtool -K PEER gro on`)";
  }
  if (p.queue) {
    const double one = best(Way::kRing, 1);
    p.costs.assume(Way::kRing, one, kProbeBurst, best(Way::kRing, kProbeBurst));
  }
  pool_.put(frame);
}

std::string ReturnPath::describe(const OutPort& p) const {
  const bool live = live_ && p.live_ok.load(std::memory_order_relaxed);
  if (!live && !p.queue) return "none";
  if (!live) return "ring";
  if (!p.queue) return "live";
  if (p.forced) return name_of(p.forced_way);
  if (p.queue->mode() == FULCRUM_XSK_ZEROCOPY) return "ring";
  const unsigned from = p.costs.live_from();
  return from == 0 ? "ring" : from == 1 ? "live" : fmt::format("live from {} packets, ring below", from);
}

}  // namespace fulcrum
