// SPDX-License-Identifier: MIT
// runtime_run.cc - running: the split in the front-end, start, drain and stop.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "runtime.h"

namespace fulcrum {

Result<void> Runtime::write_port(PortState& p) {
  fulcrum_port& m = p.map;
  m.abi = FULCRUM_ABI;
  p.link.name.copy(m.name, sizeof(m.name) - 1);
  m.beat_limit_ms = config_.beat_limit_ms;
  m.frame_max_bytes = umem_->frame_bytes() - 512;
  m.on_loss = p.in_use ? p.source.on_helper_loss : FULCRUM_LOSS_PASS;
  m.ordering = p.in_use ? p.source.ordering : FULCRUM_ORDER_FLOW;
  m.stamp_mask = FULCRUM_STAMP_MASK;
  m.all_inline = m.all_inline && all_inline(p);  // else settle() sets it
  std::fill(std::begin(m.local_bloom), std::end(m.local_bloom), 0);
  for (const fulcrum_addr& a : routes_->local_addresses()) {
    const std::uint32_t bit = fulcrum_local_hash(&a);
    m.local_bloom[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  return maps_->write_port(p.link.ifindex, m);
}

bool Runtime::all_inline(const PortState& p) const {
  return std::all_of(std::begin(p.map.bucket), std::end(p.map.bucket),
                     [](fulcrum_tier t) { return t == FULCRUM_TIER_INLINE; });
}

bool Runtime::drained(const PortState& p) {
  return std::all_of(p.slots.begin(), p.slots.end(), [&](std::uint32_t slot) {
    for (unsigned r = 0; r < FULCRUM_RINGS; ++r)
      if (maps_->beat(slot).retired[r] != maps_->order(slot).sent[r]) return false;
    return true;
  });
}

// XDP's short cut looks at no ring. So it is taken only once nothing is left on
// them, and not before the turn after: then no packet is steered by the split before.
void Runtime::settle() {
  for (auto& p : ports_) {
    const bool ready = p->receives && !p->map.all_inline && all_inline(*p) && drained(*p);
    if (ready && p->may_shorten) {
      p->map.all_inline = true;
      if (auto ok = write_port(*p); !ok) log_error(ok.error().text);
    }
    p->may_shorten = ready;
  }
}

Result<void> Runtime::sync_local_addresses() {
  if (auto ok = maps_->write_local(routes_->local_addresses()); !ok) return ok;
  for (auto& p : ports_)
    if (p->usable)
      if (auto ok = write_port(*p); !ok) return ok;
  return {};
}

Result<void> Runtime::start() {
  for (auto& w : workers_) w->start();
  started_ = true;
  for (auto& p : ports_)
    std::fill(std::begin(p->map.bucket), std::end(p->map.bucket), p->receives ? FULCRUM_TIER_CPU : FULCRUM_TIER_PASS);
  for (auto& p : ports_) p->map.cpu_permille = p->receives ? 1000 : 0, p->map.pass_permille = p->receives ? 0 : 1000;
  return sync_local_addresses();
}

// Once: a helper that starts later writes the same places.
void Runtime::disconnect_sockets() {
  if (!std::exchange(connected_, false)) return;
  for (auto& p : ports_)
    for (std::size_t q = 0; q < p->slots.size(); ++q)
      for (unsigned r = 0; r < rings_; ++r) {
        maps_->erase_xsk(p->slots[q], r);
        maps_->erase_sock({p->link.ifindex, static_cast<__u16>(q), static_cast<__u16>(r)});
      }
}

bool Runtime::stop(unsigned wait_ms) {
  if (!started_) return true;
  started_ = false;
  for (auto& p : ports_) {
    if (!p->receives) continue;
    // Packets that may pass without the helper leave the rings in order first.
    const bool inl = p->map.on_loss == FULCRUM_LOSS_INLINE && p->inline_why.empty();
    if (p->map.on_loss == FULCRUM_LOSS_DROP) continue;
    std::fill(std::begin(p->map.bucket), std::end(p->map.bucket), inl ? FULCRUM_TIER_INLINE : FULCRUM_TIER_PASS);
    p->map.cpu_permille = p->map.dev0_permille = p->map.dev1_permille = p->map.dev2_permille = 0;
    p->map.inline_permille = inl ? 1000 : 0;
    p->map.pass_permille = inl ? 0 : 1000;
    if (auto ok = write_port(*p); !ok) log_warn(ok.error().text);
  }
  auto all_drained = [&] {
    return std::all_of(workers_.begin(), workers_.end(), [](auto& w) { return w->drained(); });
  };
  auto wait = [&](std::uint64_t until) {
    while (!all_drained() && now_ns() < until) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  const std::uint64_t end = now_ns() + std::uint64_t{wait_ms} * 1'000'000;
  wait(now_ns() + std::uint64_t{wait_ms} * 500'000);
  // Whatever still comes goes by the policy.
  for (auto& w : workers_) w->fall_silent();
  wait(end);
  const bool ok = all_drained();
  for (auto& w : workers_) w->stop();
  disconnect_sockets();
  return ok;
}

std::uint32_t Runtime::frames_home() {
  std::uint32_t n = 0;
  for (auto& w : workers_) n += w->frames_home();
  return n;
}

// Live frames that a peer does not take vanish without an error.
void Runtime::check_arrivals() {
  seen_live_.resize(ports_.size());
  seen_tx_.resize(ports_.size());
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    std::uint64_t live = 0;
    for (auto& w : workers_) live += w->out().ports()[i]->sent_live.value();
    const std::uint64_t tx = link_tx_packets(ports_[i].link.name);
    const std::uint64_t sent = live - seen_live_[i], seen = tx - seen_tx_[i];
    if (seen_tx_[i] && sent > 256 && seen < sent / 8)
      for (auto& w : workers_)
        if (auto& p = *w->out().ports()[i]; p.queue && p.live_ok.exchange(false))
          log_warn(fmt::format("port {}: live frames do not arrive any more ({} sent, {} seen): the TX ring is used",
                               p.name, sent, seen));
    seen_live_[i] = live;
    seen_tx_[i] = tx;
  }
}

Runtime::~Runtime() {
  stop(200);
  disconnect_sockets();  // of a helper that never started
  workers_.clear();
  supervisor_.forget_pipelines();
  for (auto& p : ports_)
    if (p->inline_prog >= 0) close(p->inline_prog);
}

}  // namespace fulcrum
