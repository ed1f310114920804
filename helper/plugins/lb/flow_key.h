// SPDX-License-Identifier: MIT
// flow_key.h - what tells one flow of a service from another, in 24 bytes.
//
// The service's address is the same for all its flows and not part of the key.
#pragma once

#include <cstdint>
#include <cstring>

#include "fulcrum_parse.h"  // include/uapi

namespace fulcrum::lb {

// `rest`: client's port (bits 63..48), service's port (47..32), protocol (31..24), or
// for a fragmented datagram its identification (63..32), protocol and kFragmentBit.
// The lower 23 bits are the table's.
struct FlowKey {
  std::uint64_t hi = 0, lo = 0;  // client's address; IPv4 in lo's lower half
  std::uint64_t rest = 0;
};
inline constexpr std::uint64_t kFragmentBit = std::uint64_t{1} << 23;
inline constexpr std::uint64_t kRestMask = ~(kFragmentBit - 1);

inline FlowKey flow_key(const std::uint8_t* client, bool v6, std::uint16_t client_port, std::uint16_t service_port,
                        std::uint8_t proto) noexcept {
  FlowKey k;
  if (v6) {
    std::memcpy(&k.hi, client, 8);
    std::memcpy(&k.lo, client + 8, 8);
  } else {
    k.lo = fulcrum_load32(client);
  }
  k.rest = std::uint64_t{client_port} << 48 | std::uint64_t{service_port} << 32 | std::uint64_t{proto} << 24;
  return k;
}

inline FlowKey fragment_key(const std::uint8_t* client, bool v6, std::uint32_t id, std::uint8_t proto) noexcept {
  FlowKey k = flow_key(client, v6, 0, 0, proto);
  k.rest |= std::uint64_t{id} << 32 | kFragmentBit;
  return k;
}

inline std::uint64_t flow_hash(const FlowKey& k) noexcept { return fulcrum_mix(fulcrum_mix(k.hi + k.rest) + k.lo); }

}  // namespace fulcrum::lb
