// SPDX-License-Identifier: MIT
// encap.h - a datagram -> the same inside another one, addressed to a backend.
//
// Sources: RFC 2003 (IPv4 in IPv4), RFC 4213 section 3 (IPv6 in IPv4), RFC 2473 (in
// IPv6), draft-ietf-intarea-gue-09 variant 0, RFC 6040 (ECN, normal mode), RFC 6864 (ID).
#pragma once

#include <cstdint>

#include "fulcrum/batch.h"
#include "plugins/lb/settings.h"

namespace fulcrum::lb {

// What the outer headers add.
std::uint32_t outer_bytes(Mode mode, bool outer_v6) noexcept;

// What differs from packet to packet.
struct Outer {
  IpAddress to;
  std::uint64_t flow_hash = 0;  // GUE's source port, IPv6's flow label
  std::uint16_t id = 0;         // of an outer IPv4 header
};

// Packet i, whose datagram has `inner_bytes`, all of them there, gets its outer headers;
// what stood behind the datagram goes. Needs outer_bytes() of headroom and room for the
// sum in a datagram. Takes DSCP and ECN along; DF is set.
void encapsulate(Batch& b, unsigned i, std::uint32_t inner_bytes, const Settings& s, const Outer& outer) noexcept;

}  // namespace fulcrum::lb
