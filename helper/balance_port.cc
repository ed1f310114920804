// SPDX-License-Identifier: MIT
#include "balance_port.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"

namespace fulcrum {
namespace {

constexpr unsigned kFirstCounter = offsetof(fulcrum_queue, rx_packets) / 8;
constexpr unsigned kCounters = sizeof(fulcrum_queue) / 8;

}  // namespace

fulcrum_queue queue_totals(Runtime& rt, const PortState& p) {
  fulcrum_queue sum{}, one{};
  auto* s = reinterpret_cast<std::uint64_t*>(&sum);
  const auto* o = reinterpret_cast<const std::uint64_t*>(&one);
  for (std::uint32_t q = 0; q < p.slots.size(); ++q) {
    if (!rt.maps().read_queue(p.link.ifindex, q, one)) continue;
    for (unsigned i = kFirstCounter; i < kCounters; ++i) s[i] += o[i];
  }
  return sum;
}

fulcrum_queue queue_since_start(Runtime& rt, const PortState& p) {
  fulcrum_queue q = queue_totals(rt, p);
  auto* now = reinterpret_cast<std::uint64_t*>(&q);
  const auto* before = reinterpret_cast<const std::uint64_t*>(&p.at_start);
  for (unsigned i = kFirstCounter; i < kCounters; ++i) now[i] -= before[i];
  return q;
}

RunningPort::RunningPort(Runtime& rt, std::uint16_t port) : rt_(rt), port_(port) {
  rt.ports()[port].at_start = queue_totals(rt, rt.ports()[port]);
}

RingTotals ring_totals(Runtime& rt, std::uint16_t port, unsigned ring) {
  RingTotals t;
  for (auto& w : rt.workers())
    for (auto& q : w->queues()) {
      if (q->info().port != port) continue;
      const RxQueue::Ring& r = q->ring(ring);
      t.packets += r.packets.value();
      t.bytes += r.bytes.value();
      t.busy_ns += r.busy_ns.value();
      t.held += r.held_packets.value();
      t.lost_in_kernel += r.lost_in_kernel.value();
      t.latency.merge(r.latency_ns.snapshot());
    }
  return t;
}

// Names and eligibility: the whole pipeline must run in the tier with the same answer.
void RunningPort::describe(PortSample& s) const {
  const PortState& p = rt_.ports()[port_];
  s.tier[FULCRUM_TIER_INLINE].name = "inline";
  s.tier[FULCRUM_TIER_INLINE].eligible = p.inline_why.empty();
  s.tier[FULCRUM_TIER_INLINE].why = p.inline_why;
  s.tier[FULCRUM_TIER_CPU].name = "cpu";
  s.tier[FULCRUM_TIER_CPU].eligible = true;
  for (std::size_t i = 0; i < rt_.config().devices.size() && i + 1 < FULCRUM_RINGS; ++i) {
    TierSample& t = s.tier[FULCRUM_TIER_DEV0 + i];
    t.name = rt_.config().devices[i].name;
    if (rt_.pipeline().graph().chains().empty())
      t.why = "no element of the pipeline has a device kernel";
    else
      t.why = rt_.supervisor().refusal(i);
    t.eligible = t.why.empty();
  }
}

void RunningPort::sample_ring(TierSample& t, unsigned ring, const fulcrum_queue& now) {
  RingTotals r = ring_totals(rt_, port_, ring);
  const RingTotals& l = last_[ring];
  t.arrivals_pkts = now.ring_packets[ring] - last_queue_.ring_packets[ring];
  t.retired_pkts = r.packets - l.packets;
  t.bytes = r.bytes - l.bytes;
  const std::uint64_t left = r.packets + r.lost_in_kernel;
  t.queue_pkts = static_cast<std::uint32_t>(now.ring_packets[ring] > left ? now.ring_packets[ring] - left : 0);
  std::uint64_t busy = r.busy_ns - l.busy_ns;
  if (ring > 0) {  // a device works on its own time
    const AggregateStats sum = [&] {
      AggregateStats a;
      for (auto& w : rt_.workers()) {
        const AggregateStats sums = w->devices()[ring - 1]->sums();
        a.service_ns.add(sums.service_ns.value());
        a.packets.add(sums.packets.value());
      }
      return a;
    }();
    const std::uint64_t service = sum.service_ns.value() - last_service_ns_[ring];
    const std::uint64_t pkts = sum.packets.value() - last_device_pkts_[ring];
    last_service_ns_[ring] = sum.service_ns.value();
    last_device_pkts_[ring] = sum.packets.value();
    t.service_ns_per_pkt = pkts ? static_cast<std::uint32_t>(service / pkts) : 0;
    busy = service;
  } else if (t.retired_pkts) {
    t.service_ns_per_pkt = static_cast<std::uint32_t>(busy / t.retired_pkts);
  }
  t.busy_permille = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(1000, busy * 1000 / std::max<std::uint64_t>(1, now_ns() - last_ns_)));
  const HistogramSnapshot h = r.latency.since(l.latency);
  t.latency_p50_ns = h.percentile(50);
  t.latency_p99_ns = h.percentile(99);
  last_[ring] = r;
}

PortSample RunningPort::sample() {
  PortSample s;
  describe(s);
  const fulcrum_queue now = queue_since_start(rt_, rt_.ports()[port_]);
  TierSample& inl = s.tier[FULCRUM_TIER_INLINE];
  inl.arrivals_pkts = inl.retired_pkts = now.inline_packets - last_queue_.inline_packets;
  for (unsigned r = 0; r < rt_.rings(); ++r) sample_ring(s.tier[FULCRUM_RING_TIER(r)], r, now);
  // XDP does not say which ring had no credit; the cpu tier answers for all.
  const std::uint64_t lost = (now.pass_no_credit + now.drop_no_credit + now.inline_no_credit) -
                             (last_queue_.pass_no_credit + last_queue_.drop_no_credit + last_queue_.inline_no_credit);
  s.tier[FULCRUM_TIER_CPU].dropped_pkts = lost;
  const std::uint64_t t = now_ns();
  s.interval_ns = last_ns_ ? t - last_ns_ : 0;
  last_ns_ = t;
  last_queue_ = now;
  return s;
}

void RunningPort::buckets(BucketTiers& tiers, BucketLoad& load) {
  const PortState& p = rt_.ports()[port_];
  for (unsigned b = 0; b < FULCRUM_BUCKETS; ++b) {
    tiers[b] = p.map.bucket[b];
    std::uint32_t packets = 0;
    for (std::uint32_t slot : p.slots) packets += rt_.maps().order(slot).bucket[b].packets;
    load[b] = packets - last_load_[b];
    last_load_[b] = packets;
  }
}

Result<void> RunningPort::apply(const std::vector<BucketMove>& moves, const TierPermille& split) {
  PortState& p = rt_.ports()[port_];
  for (const BucketMove& m : moves) p.map.bucket[m.bucket] = m.to;
  p.map.inline_permille = split[FULCRUM_TIER_INLINE];
  p.map.cpu_permille = split[FULCRUM_TIER_CPU];
  p.map.dev0_permille = split[FULCRUM_TIER_DEV0];
  p.map.dev1_permille = split[FULCRUM_TIER_DEV1];
  p.map.dev2_permille = split[FULCRUM_TIER_DEV2];
  p.map.pass_permille = split[FULCRUM_TIER_PASS];
  return rt_.write_port(p);
}

}  // namespace fulcrum
