// SPDX-License-Identifier: MIT
// tcp_state.h - flags of a connection's segments from both sides -> how long it is remembered.
//
// Sequence numbers are not followed. Opening, and closing once both sides have sent FIN or
// one RST, are transitory; all between is established: RFC 5382 section 5.
#pragma once

#include <cstdint>

namespace fulcrum::nat {

inline constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

enum TcpBit : std::uint32_t {
  kInsideSpoke = 1,
  kOutsideSpoke = 2,
  kOpenedOutside = 4,  // else by the inside
  kConfirmed = 8,      // the opener has answered the answer
  kInsideFin = 16,
  kOutsideFin = 32,
  kReset = 64,
};

constexpr bool is_closing(std::uint32_t bits) {
  return (bits & kReset) || (bits & (kInsideFin | kOutsideFin)) == (kInsideFin | kOutsideFin);
}
constexpr bool is_established(std::uint32_t bits) { return (bits & kConfirmed) && !is_closing(bits); }

// A SYN alone, behind the end of a connection: the next one with the same ports.
constexpr bool is_new_open(std::uint32_t bits, std::uint8_t flags) {
  return (flags & (kSyn | kAck | kRst)) == kSyn && is_closing(bits);
}

// What the state becomes with a segment from one side.
constexpr std::uint32_t follow(std::uint32_t bits, bool from_inside, std::uint8_t flags) {
  if (bits == 0 || is_new_open(bits, flags)) bits = from_inside ? 0u : static_cast<std::uint32_t>(kOpenedOutside);
  const bool by_opener = from_inside == !(bits & kOpenedOutside);
  const std::uint32_t both = kInsideSpoke | kOutsideSpoke;
  if (by_opener && (flags & kAck) && (bits & both) == both) bits |= kConfirmed;
  bits |= from_inside ? kInsideSpoke : kOutsideSpoke;
  if (flags & kFin) bits |= from_inside ? kInsideFin : kOutsideFin;
  if (flags & kRst) bits |= kReset;
  return bits;
}

}  // namespace fulcrum::nat
