// SPDX-License-Identifier: MIT
// table_control.cc - a table made, listed, flushed, and filled from the one before it.
#include <algorithm>
#include <vector>

#include "table.h"

namespace fulcrum::nat {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::uint32_t kExternalSlots = 4 * kMaxExternals;  // a power of two

std::uint32_t slot_of(std::uint32_t addr) noexcept {
  return static_cast<std::uint32_t>(fulcrum_mix(addr)) & (kExternalSlots - 1);
}

std::string seconds_text(std::uint32_t ticks) {
  return std::to_string(((std::uint64_t{ticks} << kTickShift) + 500000000) / 1000000000) + "s";
}

}  // namespace

Table::Table(const Config& config)
    : config_(config),
      mappings_(std::make_unique<Mapping[]>(config.entries)),
      sessions_(std::make_unique<Session[]>(config.sessions)),
      by_inside_(mappings_.get(), config.entries),
      by_outside_(mappings_.get(), config.entries),
      by_remote_(sessions_.get(), config.sessions),
      free_mappings_(mappings_.get(), config.entries),
      free_sessions_(sessions_.get(), config.sessions),
      ports_(static_cast<std::uint32_t>(config.externals.size())),
      fragments_(config.fragments),
      external_(std::make_unique<std::uint16_t[]>(kExternalSlots)) {
  for (std::size_t n = 0; n < config_.externals.size(); ++n) {
    std::uint32_t slot = slot_of(config_.externals[n]);
    while (external_[slot]) slot = (slot + 1) & (kExternalSlots - 1);
    external_[slot] = static_cast<std::uint16_t>(n + 1);
  }
  for (const Forward& f : config_.forwards) add_forward(f);
}

void Table::add_forward(const Forward& f) {
  const Endpoint e = end_of(f.outside);
  ports_.take_this(static_cast<std::uint32_t>(external_index(e.addr)), proto_of(f.outside), e.port);
  InsideIndex::Locked bucket(by_inside_, hash_of(f.inside));
  link(bucket, f.inside, f.outside, true, 0);
}

int Table::external_index(std::uint32_t addr) const noexcept {
  for (std::uint32_t slot = slot_of(addr); external_[slot]; slot = (slot + 1) & (kExternalSlots - 1))
    if (config_.externals[external_[slot] - 1] == addr) return external_[slot] - 1;
  return -1;
}

std::uint32_t Table::paired(std::uint32_t inside) const noexcept {
  if (!config_.pool_size) return 0;
  return config_.externals[(fulcrum_mix(inside) >> 32) * config_.pool_size >> 32];
}

// Marks them: who finds one next, packet or sweep, takes it out.
std::uint32_t Table::flush(std::uint32_t addr, const Clock& clock) noexcept {
  std::uint32_t n = 0;
  for (std::uint32_t i = 0; i < config_.entries; ++i) {
    Mapping& m = mappings_[i];
    View v;
    v.index = i;
    if (!read_view(m, m.inside, m.inside.load(kRelaxed), v) || v.fixed || !is_live(v, clock)) continue;
    if (addr && end_of(v.inside).addr != addr && end_of(v.outside).addr != addr) continue;
    m.flushed.store(v.gen, kRelaxed);
    ++n;
  }
  return n;
}

std::string Table::list(const Clock& clock, std::size_t limit) const {
  std::string text;
  std::size_t lines = 0, more = 0;
  for (std::uint32_t i = 0; i < config_.entries; ++i) {
    const Mapping& m = mappings_[i];
    View v;
    v.index = i;
    if (!read_view(m, m.inside, m.inside.load(kRelaxed), v) || !is_live(v, clock)) continue;
    if (lines == limit) {
      ++more;
      continue;
    }
    ++lines;
    const std::uint64_t remote = m.last_remote.load(kRelaxed);
    text += std::string(kProtoNames[static_cast<unsigned>(proto_of(v.inside))]) + " inside " +
            endpoint_text(end_of(v.inside)) + " outside " + endpoint_text(end_of(v.outside)) + " remote " +
            (remote ? endpoint_text(remote_of(remote)) : "-");
    const std::uint32_t idle =
        std::min(age_of(m.out_tick.load(kRelaxed), clock.now), age_of(m.in_tick.load(kRelaxed), clock.now));
    text += v.fixed ? " forward"
                    : " age " + seconds_text(age_of(m.made.load(kRelaxed), clock.now)) + " idle " + seconds_text(idle);
    text += " out " + std::to_string(m.out_packets.load(kRelaxed)) + " in " +
            std::to_string(m.in_packets.load(kRelaxed)) + "\n";
  }
  if (more) text += "and " + std::to_string(more) + " more: give a larger number of lines\n";
  return text;
}

// Number of the copy; kNone: it does not fit.
std::uint32_t Table::copy_mapping(const Mapping& from, const View& old) {
  const Endpoint e = end_of(old.outside);
  const Proto proto = proto_of(old.outside);
  const int external = external_index(e.addr);
  if (external < 0 || static_cast<std::uint32_t>(external) >= config_.pool_size) return kNone;
  if (proto != Proto::kIcmp && (e.port < config_.ports.first || e.port > config_.ports.last)) return kNone;
  InsideIndex::Locked bucket(by_inside_, hash_of(old.inside));
  View there;
  if (bucket.find([&](const Mapping& m) { return read_view(m, m.inside, old.inside, there); }) != kNone) return kNone;
  if (!ports_.take_this(static_cast<std::uint32_t>(external), proto, e.port)) return kNone;
  const std::uint32_t at = link(bucket, old.inside, old.outside, false, from.made.load(kRelaxed));
  if (at == kNone) {
    ports_.give_back(static_cast<std::uint32_t>(external), proto, e.port);
    return kNone;
  }
  Mapping& m = mappings_[at];
  m.out_tick.store(from.out_tick.load(kRelaxed), kRelaxed);
  m.in_tick.store(from.in_tick.load(kRelaxed), kRelaxed);
  m.out_packets.store(from.out_packets.load(kRelaxed), kRelaxed);
  m.in_packets.store(from.in_packets.load(kRelaxed), kRelaxed);
  m.last_remote.store(from.last_remote.load(kRelaxed), kRelaxed);
  return at;
}

void Table::copy(const Table& old, const Clock& clock) {
  std::vector<View> as(old.config_.entries);
  for (std::uint32_t i = 0; i < old.config_.entries; ++i) {
    const Mapping& m = old.mappings_[i];
    View v;
    v.index = i;
    if (!read_view(m, m.inside, m.inside.load(kRelaxed), v) || v.fixed || !old.is_live(v, clock)) continue;
    const std::uint32_t at = copy_mapping(m, v);
    if (at != kNone) as[i] = {at, v.gen, v.inside, v.outside, false};
  }
  for (std::uint32_t i = 0; i < old.config_.sessions; ++i) {
    const Session& s = old.sessions_[i];
    if ((s.gen.load(std::memory_order_acquire) & 1) || !old.is_live(s, clock)) continue;
    const std::uint64_t of = s.of.load(kRelaxed), remote = s.remote.load(kRelaxed);
    View v = as[of >> 32];
    if (v.index == kNone || v.gen != static_cast<std::uint32_t>(of)) continue;
    // A permit says as much as the filter asked for: by address it is not one for a port, nor the other way round.
    if ((remote & kPermit) && config_.filtering != old.config_.filtering) continue;
    v.gen = mappings_[v.index].gen.load(kRelaxed);
    InsideIndex::Locked bucket(by_inside_, hash_of(v.inside));
    add_session(v, remote, s.tcp.load(kRelaxed), {s.tick.load(kRelaxed), clock.limit});
  }
}

}  // namespace fulcrum::nat
