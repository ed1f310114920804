// SPDX-License-Identifier: MIT
// key.h - words of the translator: ends of a flow, and time in ticks.
#pragma once

#include <cstdint>

#include "fulcrum_parse.h"  // include/uapi

namespace fulcrum::nat {

enum class Proto : std::uint8_t { kUdp, kTcp, kIcmp };
inline constexpr unsigned kProtos = 3;
inline constexpr const char* kProtoNames[kProtos] = {"udp", "tcp", "icmp"};

// Host byte order. The port of ICMP is a query's identifier.
struct Endpoint {
  std::uint32_t addr = 0;
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

// Endpoint and protocol in one word, never 0.
using Key = std::uint64_t;
constexpr Key key_of(Proto proto, Endpoint e) {
  return Key{e.addr} << 32 | Key{e.port} << 16 | (static_cast<Key>(proto) + 1);
}
constexpr Endpoint end_of(Key key) {
  return {static_cast<std::uint32_t>(key >> 32), static_cast<std::uint16_t>(key >> 16)};
}
constexpr Proto proto_of(Key key) { return static_cast<Proto>((key & 0xffff) - 1); }

inline std::uint64_t hash_of(Key key) noexcept { return fulcrum_mix(key); }

// A table remembers times in ticks of 67 ms, so that a busy flow writes a shared line 15
// times a second and not with each packet. Differences count, so that going round is harmless.
using Tick = std::uint32_t;
inline constexpr unsigned kTickShift = 26;
constexpr Tick tick_of(std::uint64_t ns) { return static_cast<Tick>(ns >> kTickShift); }
// Not fewer than `ns`.
constexpr std::uint32_t ticks_in(std::uint64_t ns) {
  return static_cast<std::uint32_t>((ns + (std::uint64_t{1} << kTickShift) - 1) >> kTickShift);
}
// Clocks of workers differ a little: what is later than now has age 0.
constexpr std::uint32_t age_of(Tick then, Tick now) {
  const auto age = static_cast<std::int32_t>(now - then);
  return age > 0 ? static_cast<std::uint32_t>(age) : 0;
}

// Units: ticks.
struct Timeouts {
  std::uint32_t udp, tcp, tcp_transitory, icmp, fragment;
};

// The moment of a packet.
struct Clock {
  Tick now;
  const Timeouts* limit;
};

}  // namespace fulcrum::nat
