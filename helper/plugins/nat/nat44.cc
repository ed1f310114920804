// SPDX-License-Identifier: MIT
// nat44.cc - NAT44: source and destination NAT for IPv4 TCP, UDP and ICMP.
#include "nat44.h"

#include <algorithm>

namespace fulcrum::nat {
namespace {

constexpr std::uint64_t kSweepEvery_ns = 1000000;
constexpr std::uint32_t kSweepEntries = 64, kSweepShare = 4096;  // a sweep: so many, or that part of the table
constexpr std::uint32_t kReclaimEntries = 512;                   // at once, where something is full

// A session does not know identifiers of ICMP: the mapping does.
Endpoint remote_of(const Packet& p, Endpoint e) noexcept {
  return {e.addr, p.proto == Proto::kIcmp ? std::uint16_t{0} : e.port};
}

}  // namespace

void Nat44::process(Batch& b, Mask in, Mask* out) noexcept {
  const Mask inputs[2] = {in, 0};
  process_inputs(b, inputs, out);
}

// In order of arrival over both inputs: the first packet of a flow makes what the next one finds.
void Nat44::process_inputs(Batch& b, const Mask* in, Mask* out) noexcept {
  const Mask all = in[0] | in[1];
  for_each(all, [&](unsigned i) {
    packets_[i] = read_packet(b, i);
    prefetch(packets_[i], in[0] >> i & 1);
  });
  reclaimed_ = false;
  for_each(all, [&](unsigned i) {
    const Clock clock{tick_of(b.time_ns(i)), &timeouts_};
    const Way way = translate(packets_[i], in[0] >> i & 1, clock);
    out[way.output] |= Mask{1} << i;
    count(way);
    if (way.output == kRefused)
      b.reason[i] = reason_[static_cast<unsigned>(way.why)];
    else
      rehash(b, i, packets_[i]);
  });
  sweep(b);
}

void Nat44::prefetch(const Packet& p, bool from_inside) const noexcept {
  if (p.kind != Packet::Kind::kFlow) return;
  if (from_inside)
    table_->prefetch_inside(key_of(p.proto, p.src));
  else
    table_->prefetch_outside(key_of(p.proto, p.dst));
}

Nat44::Way Nat44::translate(const Packet& p, bool from_inside, const Clock& clock) noexcept {
  if (p.kind == Packet::Kind::kMalformed) return refused(Refusal::kMalformed);
  if (from_inside && table_->is_external(p.src.addr)) return refused(Refusal::kOwnSource);
  if (!from_inside && !table_->is_external(p.dst.addr)) return refused(Refusal::kNotExternal);
  switch (p.kind) {
    case Packet::Kind::kFlow:
      return from_inside ? flow_from_inside(p, clock) : flow_from_outside(p, clock);
    case Packet::Kind::kError:
      return from_inside ? error_from_inside(p, clock) : error_from_outside(p, clock);
    case Packet::Kind::kTail:
      return tail(p, from_inside, clock);
    default:
      return refused(Refusal::kProtocol);
  }
}

namespace {
DatagramId datagram_of(const Packet& p, bool from_inside) noexcept {
  return {p.src.addr, p.dst.addr, fulcrum_load_be16(p.ip + 4), p.ip[9], from_inside};
}
}  // namespace

Nat44::Way Nat44::tail(const Packet& p, bool from_inside, const Clock& clock) noexcept {
  FragmentWay way;
  if (!table_->fragments().find(datagram_of(p, from_inside), clock, way)) return refused(Refusal::kFragmentEarly);
  rewrite_addresses(p, way.src, way.dst);
  fragments_.add(1);
  return {way.to_inside ? kToInside : kToOutside};
}

// With new ends, which a first fragment leaves for those behind it.
Nat44::Way Nat44::leave(const Packet& p, Endpoint src, Endpoint dst, bool from_inside, Output to,
                        const Clock& clock) noexcept {
  if (p.is_first_fragment) {
    const FragmentWay way{src.addr, dst.addr, to == kToInside};
    if (table_->fragments().remember(datagram_of(p, from_inside), way, clock)) evicted_.add(1);
  }
  rewrite(p, src, dst);
  return {to};
}

// Where something is full, what is over may not have been swept yet: looked for once a batch.
Answer Nat44::outbound(const Flow& f, const Clock& clock, View& v) noexcept {
  Answer answer = table_->outbound(f, clock, v);
  if ((answer == Answer::kNoPort || answer == Answer::kTableFull) && !reclaimed_) {
    reclaimed_ = true;
    table_->sweep(clock, kReclaimEntries);
    answer = table_->outbound(f, clock, v);
  }
  if (answer == Answer::kOk && v.made) mappings_.add(1);
  return answer;
}

Nat44::Way Nat44::flow_from_inside(const Packet& p, const Clock& clock) noexcept {
  const bool hairpin = table_->is_external(p.dst.addr);
  const bool is_icmp = p.proto == Proto::kIcmp;
  // Queries come in for nobody, so there is nothing to answer, and nobody to ask behind an own address.
  if (is_icmp && (p.is_reply || hairpin)) return refused(Refusal::kNoMapping);
  View v;
  const Answer answer = outbound({key_of(p.proto, p.src), remote_of(p, p.dst), p.tcp_flags}, clock, v);
  if (answer != Answer::kOk) return refused(answer);
  const Endpoint src = end_of(v.outside);
  if (!hairpin) return leave(p, src, is_icmp ? Endpoint{p.dst.addr, src.port} : p.dst, true, kToOutside, clock);
  View w;
  const Answer back = table_->inbound({key_of(p.proto, p.dst), src, p.tcp_flags}, clock, w);
  if (back != Answer::kOk) return refused(back);
  hairpinned_.add(1);
  return leave(p, src, end_of(w.inside), true, kToInside, clock);
}

Nat44::Way Nat44::flow_from_outside(const Packet& p, const Clock& clock) noexcept {
  const bool is_icmp = p.proto == Proto::kIcmp;
  if (is_icmp && !p.is_reply) return refused(Refusal::kNoMapping);
  View v;
  const Answer answer = table_->inbound({key_of(p.proto, p.dst), remote_of(p, p.src), p.tcp_flags}, clock, v);
  if (answer != Answer::kOk) return refused(answer);
  const Endpoint dst = end_of(v.inside);
  return leave(p, is_icmp ? Endpoint{p.src.addr, dst.port} : p.src, dst, false, kToInside, clock);
}

namespace {
// An ICMP query has one identifier, not two ports.
Endpoint other_end(const Packet& p, Endpoint e, std::uint16_t id) noexcept {
  return {e.addr, p.proto == Proto::kIcmp ? id : e.port};
}
}  // namespace

// About a datagram that went to this inside host: RFC 5508 REQ-5, hairpinned: REQ-7.
Nat44::Way Nat44::error_from_inside(const Packet& p, const Clock& clock) noexcept {
  Packet e;
  if (!read_embedded(p, e) || e.src.addr != p.dst.addr) return refused(Refusal::kBadIcmp);
  View v;
  if (const Answer a = table_->error_out(key_of(e.proto, e.dst), clock, v); a != Answer::kOk) return refused(a);
  const Endpoint dst = end_of(v.outside);
  const std::uint32_t router = table_->paired(p.src.addr);
  const std::uint32_t sender = p.src.addr == e.dst.addr || !router ? dst.addr : router;
  if (!table_->is_external(p.dst.addr)) {
    rewrite_embedded(p, e, other_end(e, e.src, dst.port), dst);
    rewrite_addresses(p, sender, p.dst.addr);
    icmp_errors_.add(1);
    return {kToOutside};
  }
  View w;
  const Answer a = table_->error_in({key_of(e.proto, e.src), remote_of(e, dst), 0}, clock, w);
  if (a != Answer::kOk) return refused(a);
  rewrite_embedded(p, e, end_of(w.inside), dst);
  rewrite_addresses(p, sender, end_of(w.inside).addr);
  icmp_errors_.add(1);
  return {kToInside};
}

// About a datagram that left from here: RFC 5508 REQ-4.
Nat44::Way Nat44::error_from_outside(const Packet& p, const Clock& clock) noexcept {
  Packet e;
  if (!read_embedded(p, e) || e.src.addr != p.dst.addr) return refused(Refusal::kBadIcmp);
  View v;
  const Answer a = table_->error_in({key_of(e.proto, e.src), remote_of(e, e.dst), 0}, clock, v);
  if (a != Answer::kOk) return refused(a);
  const Endpoint src = end_of(v.inside);
  rewrite_embedded(p, e, src, other_end(e, e.dst, src.port));
  rewrite_addresses(p, p.src.addr, src.addr);
  icmp_errors_.add(1);
  return {kToInside};
}

void Nat44::count(Way way) noexcept {
  if (way.output == kToOutside)
    to_outside_.add(1);
  else if (way.output == kToInside)
    to_inside_.add(1);
  else
    refused_[static_cast<unsigned>(way.why)].add(1);
}

void Nat44::sweep(const Batch& b) noexcept {
  const Clock clock{tick_of(b.now_ns), &timeouts_};
  table_->saw(clock.now);
  if (b.now_ns - swept_ns_ < kSweepEvery_ns) return;
  swept_ns_ = b.now_ns;
  table_->sweep(clock, std::max(kSweepEntries, table_->ever_used() / kSweepShare));
}

}  // namespace fulcrum::nat
