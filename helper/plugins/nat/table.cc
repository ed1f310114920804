// SPDX-License-Identifier: MIT
// table.cc - which mapping a packet has, and the end of those that are over.
#include "table.h"

#include <algorithm>

namespace fulcrum::nat {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

constexpr std::uint64_t of_view(const View& v) { return std::uint64_t{v.index} << 32 | v.gen; }
std::uint64_t session_hash(std::uint64_t of, std::uint64_t remote) noexcept {
  return fulcrum_mix(fulcrum_mix(of) + remote);
}

void touch(std::atomic<Tick>& tick, Tick now) noexcept {
  if (tick.load(kRelaxed) != now) tick.store(now, kRelaxed);
}
void count(std::atomic<std::uint64_t>& packets) noexcept { packets.store(packets.load(kRelaxed) + 1, kRelaxed); }

// Segments of both sides may be followed at once.
void follow_both(std::atomic<std::uint32_t>& state, bool from_inside, std::uint8_t flags) noexcept {
  std::uint32_t bits = state.load(kRelaxed);
  for (;;) {
    const std::uint32_t next = follow(bits, from_inside, flags);
    if (next == bits || state.compare_exchange_weak(bits, next, kRelaxed)) return;
  }
}

}  // namespace

bool read_view(const Mapping& m, const std::atomic<Key>& field, Key key, View& v) noexcept {
  const std::uint32_t gen = m.gen.load(std::memory_order_acquire);
  if ((gen & 1) || field.load(kRelaxed) != key) return false;
  v.gen = gen;
  v.inside = m.inside.load(kRelaxed);
  v.outside = m.outside.load(kRelaxed);
  v.fixed = m.fixed.load(kRelaxed);
  std::atomic_thread_fence(std::memory_order_acquire);
  return m.gen.load(kRelaxed) == gen;
}

bool Table::needs_permit(Proto proto) const noexcept {
  if (config_.filtering == Filtering::kAddress) return true;
  return config_.filtering == Filtering::kAddressAndPort && proto != Proto::kTcp;  // a connection's state is one
}

std::uint64_t Table::permit_key(Proto, Endpoint remote) const noexcept {
  return remote_key({remote.addr, config_.filtering == Filtering::kAddress ? std::uint16_t{0} : remote.port}, kPermit);
}

bool Table::is_live(const View& v, const Clock& clock) const noexcept {
  if (v.fixed) return true;
  const Mapping& m = mappings_[v.index];
  if (m.flushed.load(kRelaxed) == v.gen) return false;
  std::uint32_t age = age_of(m.out_tick.load(kRelaxed), clock.now);
  const Proto proto = proto_of(v.inside);
  if (proto == Proto::kTcp || config_.refresh_both) age = std::min(age, age_of(m.in_tick.load(kRelaxed), clock.now));
  if (proto == Proto::kTcp)
    return m.states.load(kRelaxed) && age <= std::max(clock.limit->tcp, clock.limit->tcp_transitory);
  return age <= (proto == Proto::kUdp ? clock.limit->udp : clock.limit->icmp);
}

bool Table::is_live(const Session& s, const Clock& clock) const noexcept {
  const std::uint64_t of = s.of.load(kRelaxed);
  const Mapping& m = mappings_[of >> 32];
  if (m.gen.load(kRelaxed) != static_cast<std::uint32_t>(of)) return false;
  const Proto proto = proto_of(m.inside.load(kRelaxed));
  std::uint32_t limit = proto == Proto::kUdp ? clock.limit->udp : clock.limit->icmp;
  if (proto == Proto::kTcp) {
    const bool transitory = (s.remote.load(kRelaxed) & kState) && !is_established(s.tcp.load(kRelaxed));
    limit = transitory ? clock.limit->tcp_transitory : clock.limit->tcp;
  }
  return age_of(s.tick.load(kRelaxed), clock.now) <= limit;
}

// Null: there is none, or it is over.
Session* Table::session(const View& v, std::uint64_t remote, const Clock& clock) noexcept {
  const std::uint64_t of = of_view(v);
  const std::uint32_t at = by_remote_.find(session_hash(of, remote), [&](const Session& s) {
    return !(s.gen.load(std::memory_order_acquire) & 1) && s.of.load(kRelaxed) == of &&
           s.remote.load(kRelaxed) == remote;
  });
  return at != kNone && is_live(sessions_[at], clock) ? &sessions_[at] : nullptr;
}

bool Table::permit_again(const View& v, Endpoint remote, const Clock& clock) noexcept {
  Session* permit = session(v, permit_key(proto_of(v.inside), remote), clock);
  if (permit) touch(permit->tick, clock.now);
  return permit != nullptr;
}

// Keeps alive what a packet on its way out keeps alive. False: some of it is not there.
bool Table::pass_out(const View& v, const Flow& f, const Clock& clock) noexcept {
  Mapping& m = mappings_[v.index];
  const Proto proto = proto_of(v.inside);
  if (!v.fixed && proto == Proto::kTcp) {
    Session* s = session(v, remote_key(f.remote, kState), clock);
    if (!s) return false;
    follow_both(s->tcp, true, f.tcp_flags);
    touch(s->tick, clock.now);
  }
  if (!v.fixed && needs_permit(proto) && !permit_again(v, f.remote, clock)) return false;
  touch(m.out_tick, clock.now);
  m.last_remote.store(remote_key(f.remote, kState), kRelaxed);
  count(m.out_packets);
  return true;
}

Answer Table::outbound(const Flow& f, const Clock& clock, View& v) noexcept {
  const std::uint32_t at =
      by_inside_.find(hash_of(f.near), [&](const Mapping& m) { return read_view(m, m.inside, f.near, v); });
  v.index = at;
  if (at != kNone && is_live(v, clock) && pass_out(v, f, clock)) return Answer::kOk;
  const Answer answer = open(f, clock, v);
  if (answer != Answer::kOk) return answer;
  return pass_out(v, f, clock) ? Answer::kOk : Answer::kTableFull;
}

Answer Table::inbound(const Flow& f, const Clock& clock, View& v) noexcept {
  v.index = by_outside_.find(hash_of(f.near), [&](const Mapping& m) { return read_view(m, m.outside, f.near, v); });
  if (v.index == kNone || !is_live(v, clock)) return Answer::kNoMapping;
  Mapping& m = mappings_[v.index];
  const Proto proto = proto_of(v.inside);
  if (!v.fixed && proto == Proto::kTcp) {
    Session* s = session(v, remote_key(f.remote, kState), clock);
    if (!s) {
      if (const Answer answer = open_in(f, clock, v); answer != Answer::kOk) return answer;
      s = session(v, remote_key(f.remote, kState), clock);
    }
    if (!s) return Answer::kFiltered;
    follow_both(s->tcp, false, f.tcp_flags);
    touch(s->tick, clock.now);
  } else if (!v.fixed && needs_permit(proto)) {
    Session* permit = session(v, permit_key(proto, f.remote), clock);
    if (!permit) return Answer::kFiltered;
    if (config_.refresh_both) touch(permit->tick, clock.now);
  }
  touch(m.in_tick, clock.now);
  count(m.in_packets);
  return Answer::kOk;
}

Answer Table::error_out(Key inside, const Clock& clock, View& v) noexcept {
  v.index = by_inside_.find(hash_of(inside), [&](const Mapping& m) { return read_view(m, m.inside, inside, v); });
  return v.index != kNone && is_live(v, clock) ? Answer::kOk : Answer::kNoMapping;
}

// An error about what never went out is no answer to it: the filter holds for it as for the remote it names.
Answer Table::error_in(const Flow& f, const Clock& clock, View& v) noexcept {
  v.index = by_outside_.find(hash_of(f.near), [&](const Mapping& m) { return read_view(m, m.outside, f.near, v); });
  if (v.index == kNone || !is_live(v, clock)) return Answer::kNoMapping;
  if (v.fixed || config_.filtering == Filtering::kEndpointIndependent) return Answer::kOk;
  const bool known = (proto_of(v.inside) == Proto::kTcp && session(v, remote_key(f.remote, kState), clock)) ||
                     (needs_permit(proto_of(v.inside)) && session(v, permit_key(proto_of(v.inside), f.remote), clock));
  return known ? Answer::kOk : Answer::kFiltered;
}

// ---- beginnings: once a flow ----------------------------------------------------

Answer Table::open(const Flow& f, const Clock& clock, View& v) noexcept {
  const Proto proto = proto_of(f.near);
  InsideIndex::Locked bucket(by_inside_, hash_of(f.near));
  v.index = bucket.find([&](const Mapping& m) { return read_view(m, m.inside, f.near, v); });
  if (v.index != kNone && !is_live(v, clock)) {
    unlink(bucket, v.index);
    v.index = kNone;
  }
  // A host that resets a connection which nobody knows any more gets no mapping for that.
  const bool opens = proto != Proto::kTcp || !(f.tcp_flags & kRst);
  const bool is_made = v.index == kNone;
  if (is_made) {
    if (!opens) return Answer::kNoMapping;
    if (const Answer answer = make(bucket, f, clock, v); answer != Answer::kOk) return answer;
  }
  if (v.fixed) return Answer::kOk;
  if (!opens && !session(v, remote_key(f.remote, kState), clock)) return Answer::kNoMapping;
  touch(mappings_[v.index].out_tick, clock.now);
  const bool known =
      (!needs_permit(proto) || add_session(v, permit_key(proto, f.remote), 0, clock)) &&
      (proto != Proto::kTcp || add_session(v, remote_key(f.remote, kState), follow(0, true, f.tcp_flags), clock));
  if (!known && is_made) unlink(bucket, v.index);
  return known ? Answer::kOk : Answer::kTableFull;
}

// A connection that the outside opens to a mapping of the inside's.
Answer Table::open_in(const Flow& f, const Clock& clock, const View& v) noexcept {
  if (config_.filtering == Filtering::kAddressAndPort) return Answer::kFiltered;
  if ((f.tcp_flags & (kSyn | kAck | kRst | kFin)) != kSyn) return Answer::kFiltered;
  if (needs_permit(Proto::kTcp) && !session(v, permit_key(Proto::kTcp, f.remote), clock)) return Answer::kFiltered;
  InsideIndex::Locked bucket(by_inside_, hash_of(v.inside));
  if (mappings_[v.index].gen.load(kRelaxed) != v.gen) return Answer::kNoMapping;
  return add_session(v, remote_key(f.remote, kState), follow(0, false, f.tcp_flags), clock) ? Answer::kOk
                                                                                            : Answer::kTableFull;
}

Answer Table::make(InsideIndex::Locked& bucket, const Flow& f, const Clock& clock, View& v) noexcept {
  const Endpoint inside = end_of(f.near);
  const std::uint32_t external = paired(inside.addr);
  if (!external) return Answer::kNoMapping;
  const auto number = static_cast<std::uint32_t>(external_index(external));
  const Proto proto = proto_of(f.near);
  const std::int32_t port = ports_.take(number, proto, config_.ports, inside.port, hash_of(f.near));
  if (port < 0) return Answer::kNoPort;
  const Key outside = key_of(proto, {external, static_cast<std::uint16_t>(port)});
  const std::uint32_t at = link(bucket, f.near, outside, false, clock.now);
  if (at == kNone) {
    ports_.give_back(number, proto, static_cast<std::uint16_t>(port));
    return Answer::kTableFull;
  }
  v = {at, mappings_[at].gen.load(kRelaxed), f.near, outside, false, true};
  return Answer::kOk;
}

// kNone: the table is full.
std::uint32_t Table::link(InsideIndex::Locked& bucket, Key inside, Key outside, bool fixed, Tick now) noexcept {
  const std::uint32_t at = free_mappings_.take();
  if (at == kNone) return kNone;
  Mapping& m = mappings_[at];
  std::atomic_thread_fence(std::memory_order_release);  // its generation is odd: see read_view()
  m.inside.store(inside, kRelaxed);
  m.outside.store(outside, kRelaxed);
  m.fixed.store(fixed, kRelaxed);
  m.states.store(0, kRelaxed);
  for (std::atomic<Tick>* tick : {&m.made, &m.out_tick, &m.in_tick}) tick->store(now, kRelaxed);
  m.out_packets.store(0, kRelaxed);
  m.in_packets.store(0, kRelaxed);
  m.last_remote.store(0, kRelaxed);
  m.gen.store(m.gen.load(kRelaxed) + 1, std::memory_order_release);
  OutsideIndex::Locked(by_outside_, hash_of(outside)).insert(at);
  bucket.insert(at);
  return at;
}

// Sessions of it are over with its generation.
void Table::unlink(InsideIndex::Locked& bucket, std::uint32_t index) noexcept {
  Mapping& m = mappings_[index];
  const Key outside = m.outside.load(kRelaxed);
  OutsideIndex::Locked(by_outside_, hash_of(outside)).remove(index);
  bucket.remove(index);
  m.gen.store(m.gen.load(kRelaxed) + 1, std::memory_order_release);
  ports_.give_back(static_cast<std::uint32_t>(external_index(end_of(outside).addr)), proto_of(outside),
                   end_of(outside).port);
  free_mappings_.put(index);
}

// Makes it, or makes it young again. The caller has the mapping's by_inside_ bucket. False: the table is full.
bool Table::add_session(const View& v, std::uint64_t remote, std::uint32_t tcp, const Clock& clock) noexcept {
  const std::uint64_t of = of_view(v), hash = session_hash(of, remote);
  RemoteIndex::Locked bucket(by_remote_, hash);
  std::uint32_t at =
      bucket.find([&](const Session& s) { return s.of.load(kRelaxed) == of && s.remote.load(kRelaxed) == remote; });
  if (at != kNone) {
    Session& s = sessions_[at];
    if (!is_live(s, clock)) s.tcp.store(tcp, kRelaxed);
    s.tick.store(clock.now, kRelaxed);
    return true;
  }
  at = free_sessions_.take();
  if (at == kNone) return false;
  Session& s = sessions_[at];
  s.of.store(of, kRelaxed);
  s.remote.store(remote, kRelaxed);
  s.tcp.store(tcp, kRelaxed);
  s.tick.store(clock.now, kRelaxed);
  s.gen.store(s.gen.load(kRelaxed) + 1, std::memory_order_release);
  if (remote & kState) mappings_[v.index].states.fetch_add(1, kRelaxed);
  bucket.insert(at);
  return true;
}

// ---- ends ----------------------------------------------------------------------

void Table::sweep(const Clock& clock, std::uint32_t n) noexcept {
  const std::uint32_t mappings = free_mappings_.top(), all = mappings + free_sessions_.top();
  if (!all) return;
  n = std::min(n, all);
  std::uint32_t at = swept_.load(kRelaxed) % all;
  swept_.store((at + n) % all, kRelaxed);  // workers that sweep at once may take the same part
  for (; n; --n, at = (at + 1) % all) {
    if (at < mappings)
      sweep_mapping(at, clock);
    else
      sweep_session(at - mappings, clock);
  }
}

void Table::sweep_mapping(std::uint32_t index, const Clock& clock) noexcept {
  View v;
  const Mapping& m = mappings_[index];
  const Key inside = m.inside.load(kRelaxed);
  v.index = index;
  if (!read_view(m, m.inside, inside, v) || is_live(v, clock)) return;
  InsideIndex::Locked bucket(by_inside_, hash_of(inside));
  if (m.gen.load(kRelaxed) == v.gen && !is_live(v, clock)) unlink(bucket, index);
}

void Table::sweep_session(std::uint32_t index, const Clock& clock) noexcept {
  Session& s = sessions_[index];
  const std::uint32_t gen = s.gen.load(std::memory_order_acquire);
  if ((gen & 1) || is_live(s, clock)) return;
  const std::uint64_t of = s.of.load(kRelaxed);
  Mapping& m = mappings_[of >> 32];
  const auto is_there = [&] { return m.gen.load(std::memory_order_acquire) == static_cast<std::uint32_t>(of); };
  if (!is_there()) {
    take_out(index, gen, clock);
    return;
  }
  InsideIndex::Locked bucket(by_inside_, hash_of(m.inside.load(kRelaxed)));
  if (!is_there()) return;  // the next sweep's
  if (take_out(index, gen, clock)) m.states.fetch_sub(1, kRelaxed);
}

// True: it was the state of a connection.
bool Table::take_out(std::uint32_t index, std::uint32_t gen, const Clock& clock) noexcept {
  Session& s = sessions_[index];
  const std::uint64_t of = s.of.load(kRelaxed), remote = s.remote.load(kRelaxed);
  {
    RemoteIndex::Locked bucket(by_remote_, session_hash(of, remote));
    if (s.gen.load(kRelaxed) != gen || is_live(s, clock)) return false;
    bucket.remove(index);
    s.gen.store(gen + 1, std::memory_order_release);
  }
  free_sessions_.put(index);
  return remote & kState;
}

}  // namespace fulcrum::nat
