// SPDX-License-Identifier: MIT
// load_balancer.cc - LoadBalancer: each packet to its flow, each flow to its backend.
#include "plugins/lb/load_balancer.h"

#include <cstring>

#include "plugins/lb/encap.h"

namespace fulcrum::lb {
namespace {

// In the order of plugin.cc.
enum Output : unsigned { kBalanced, kOther, kNone, kTooBig };

bool opens_connection(std::uint8_t tcp_flags) noexcept { return (tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn; }
bool ends_connection(std::uint8_t tcp_flags) noexcept { return tcp_flags & (kTcpFin | kTcpRst); }

// After one more packet.
FlowState next_state(FlowState s, std::uint8_t tcp_flags) noexcept {
  if (ends_connection(tcp_flags)) return FlowState::kClosing;
  return s == FlowState::kOpening && !opens_connection(tcp_flags) ? FlowState::kOpen : s;
}

std::uint64_t deadline_of(const Timeouts& t, FlowState s, std::uint64_t now_ns) noexcept {
  if (s == FlowState::kOpen) return now_ns + t.idle_ns;
  return now_ns + (s == FlowState::kOpening ? t.opening_ns : t.closing_ns);
}

}  // namespace

std::vector<ArgError> LoadBalancer::configure(std::span<const Arg> args, Setup& setup) {
  Settings settings;
  std::vector<ArgError> errors = read_settings(args, setup, settings);
  if (!errors.empty()) return errors;
  const std::string key = "LoadBalancer/" + setup.element();
  std::string refusal;
  service_ = std::static_pointer_cast<Service>(setup.shared(key, [&]() -> std::shared_ptr<void> {
    first_ = true;
    const auto before = std::static_pointer_cast<Service>(setup.inherited(key));
    auto made = Service::make(settings, before.get());
    if (!made) refusal = made.error().text;
    return made ? *made : nullptr;
  }));
  if (!service_) return {{{}, refusal, {}}};
  settings_ = &service_->settings();
  state_ = service_->worker(setup.worker());
  versions_ = TableReader<Version>(&service_->versions());
  malformed_reason_ = setup.reason("lb_malformed");
  return {};
}

void LoadBalancer::adopt(Element& element) noexcept {
  const auto& before = static_cast<const LoadBalancer&>(element);
  if (!state_ || !before.state_ || state_ == before.state_ || !service_->same_ids(*before.service_)) return;
  state_->flows.copy(before.state_->flows);
  state_->packets = before.state_->packets;
  state_->bytes = before.state_->bytes;
  state_->outer_id = before.state_->outer_id;
}

// What another worker remembers, where the backend is still there.
BackendId LoadBalancer::elsewhere(const FlowKey& key, std::uint64_t hash) const noexcept {
  const BackendId id = service_->peek(key, hash);
  return now_->find(id) ? id : kNoBackend;
}

BackendId LoadBalancer::by_maglev(const FlowKey& key, std::uint64_t hash) const noexcept {
  return now_->choose(settings_->by_client ? flow_hash({key.hi, key.lo, 0}) : hash);
}

BackendId LoadBalancer::new_flow(const Target& t, std::uint64_t hash, std::uint64_t now_ns) noexcept {
  BackendId id = kNoBackend;
  if (t.kind == TargetKind::kFirstFragment) id = elsewhere(t.flow, hash);
  if (id == kNoBackend) id = by_maglev(t.flow, hash);
  if (id == kNoBackend) return id;
  new_flows_.add(1);
  const FlowState state = ends_connection(t.tcp_flags) ? FlowState::kClosing : FlowState::kOpening;
  const std::uint64_t deadline_ns = deadline_of(settings_->timeouts, state, now_ns);
  if (!state_->flows.insert(t.flow, hash, id, state, deadline_ns, now_ns)) unremembered_.add(1);
  return id;
}

BackendId LoadBalancer::of_flow(const Target& t, std::uint64_t hash, std::uint64_t now_ns) noexcept {
  FlowEntry* e = state_->flows.find(t.flow, hash, now_ns);
  if (!e) return new_flow(t, hash, now_ns);
  const bool reopened = e->state() == FlowState::kClosing && opens_connection(t.tcp_flags);
  if (reopened || !now_->find(e->backend())) {
    state_->flows.erase(*e);
    return new_flow(t, hash, now_ns);
  }
  const FlowState state = next_state(e->state(), t.tcp_flags);
  state_->flows.set(*e, e->backend(), state, deadline_of(settings_->timeouts, state, now_ns));
  return e->backend();
}

void LoadBalancer::remember_fragment(const Target& t, BackendId id, std::uint64_t now_ns) noexcept {
  const std::uint64_t hash = flow_hash(t.fragment), deadline_ns = now_ns + settings_->timeouts.fragment_ns;
  if (FlowEntry* e = state_->flows.find(t.fragment, hash, now_ns))
    state_->flows.set(*e, id, FlowState::kOpening, deadline_ns);
  else
    state_->flows.insert(t.fragment, hash, id, FlowState::kOpening, deadline_ns, now_ns);
}

BackendId LoadBalancer::of_fragment(const Target& t, std::uint64_t now_ns) noexcept {
  const std::uint64_t hash = flow_hash(t.fragment);
  const FlowEntry* e = state_->flows.find(t.fragment, hash, now_ns);
  if (!e) return elsewhere(t.fragment, hash);
  return now_->find(e->backend()) ? e->backend() : kNoBackend;
}

BackendId LoadBalancer::choose(const Target& t, std::uint64_t hash, std::uint64_t now_ns) noexcept {
  if (t.kind == TargetKind::kFragment) return of_fragment(t, now_ns);
  if (t.kind == TargetKind::kIcmpError) {
    const BackendId id = elsewhere(t.flow, hash);
    return id == kNoBackend ? by_maglev(t.flow, hash) : id;
  }
  const BackendId id = of_flow(t, hash, now_ns);
  if (t.kind == TargetKind::kFirstFragment && id != kNoBackend) remember_fragment(t, id, now_ns);
  return id;
}

void LoadBalancer::send(Batch& b, unsigned i, BackendId id, std::uint64_t hash, Mask* out) noexcept {
  const Backend& to = now_->slot[id].backend;
  const Mask bit = Mask{1} << i;
  const std::uint32_t inner_bytes = target_[i].inner_bytes;
  if (settings_->mode == Mode::kL3) {
    L2Rewrite& l2 = b.l2[i];
    std::memcpy(l2.dst, to.mac, 6);
    std::memcpy(l2.src, to.has_port_mac ? to.port_mac : b.data[i], 6);  // else by the address it came to
    l2.valid = kL2Dst | kL2Src;
    if (to.port != kNoPort) b.out_port[i] = to.port;
  } else if (outer_bytes(settings_->mode, to.address.v6) + inner_bytes > settings_->mtu_bytes) {
    too_big_.add(1);
    out[kTooBig] |= bit;
    return;
  } else {
    encapsulate(b, i, inner_bytes, *settings_, {to.address, hash, state_->outer_id++});
  }
  state_->packets[id].add(1);
  state_->bytes[id].add(inner_bytes);
  balanced_.add(1);
  out[kBalanced] |= bit;
}

void LoadBalancer::balance(Batch& b, unsigned i, Mask* out) noexcept {
  const Target& t = target_[i];
  const Mask bit = Mask{1} << i;
  if (t.kind == TargetKind::kMalformed) {
    malformed_.add(1);
    return b.drop(i, malformed_reason_);
  }
  const BackendId id = t.kind == TargetKind::kNotOurs ? kNoBackend : choose(t, hash_[i], b.time_ns(i));
  if (id != kNoBackend) {
    if (t.kind == TargetKind::kIcmpError) icmp_errors_.add(1);
    if (t.kind == TargetKind::kFragment || t.kind == TargetKind::kFirstFragment) fragments_.add(1);
    return send(b, i, id, hash_[i], out);
  }
  const bool stray = t.kind == TargetKind::kFragment;
  if (stray) stray_fragments_.add(1);
  const bool other = stray || t.kind == TargetKind::kNotOurs;
  (other ? other_ : no_backend_).add(1);
  out[other ? kOther : kNone] |= bit;
}

void LoadBalancer::process(Batch& b, Mask in, Mask* out) noexcept {
  now_ = versions_.get();
  for_each(in, [&](unsigned i) {
    target_[i] = find_target(*settings_, b, i);
    if (target_[i].kind == TargetKind::kNotOurs) return;
    hash_[i] = flow_hash(target_[i].kind == TargetKind::kFragment ? target_[i].fragment : target_[i].flow);
    state_->flows.prefetch(hash_[i]);
  });
  for_each(in, [&](unsigned i) { balance(b, i, out); });
  state_->flows.sweep(b.now_ns);
}

std::vector<CounterValue> LoadBalancer::counters() const {
  return {{"balanced", balanced_.value()},         {"other", other_.value()},
          {"no_backend", no_backend_.value()},     {"too_big", too_big_.value()},
          {"malformed", malformed_.value()},       {"new_flows", new_flows_.value()},
          {"unremembered", unremembered_.value()}, {"icmp_errors", icmp_errors_.value()},
          {"fragments", fragments_.value()},       {"stray_fragments", stray_fragments_.value()}};
}

}  // namespace fulcrum::lb
