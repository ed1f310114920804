// SPDX-License-Identifier: MIT
// vlan.h - the outermost VLAN tag of a frame (IEEE 802.1Q), read and written in place.
#pragma once

#include <cstring>

#include "pipeline/elements/packet/ip_span.h"

namespace fulcrum {

inline constexpr std::uint32_t kTypeAt = 12;  // of the tag, or the EtherType
inline constexpr std::uint32_t kTagBytes = 4;
inline constexpr std::uint32_t kTpidQ = 0x8100, kTpidAd = 0x88a8;

inline bool is_tpid(std::uint32_t type) noexcept { return type == kTpidQ || type == kTpidAd; }

inline bool has_tag(const Batch& b, unsigned i) noexcept {
  return b.len[i] >= kTypeAt + kTagBytes + 2 && is_tpid(load_be16(b.data[i] + kTypeAt));
}

// The frame has its two addresses.
inline void add_tag(Batch& b, unsigned i, std::uint32_t tpid, std::uint32_t tci) noexcept {
  b.push(i, kTagBytes);
  std::memmove(b.data[i], b.data[i] + kTagBytes, kTypeAt);
  store_be16(b.data[i] + kTypeAt, tpid);
  store_be16(b.data[i] + kTypeAt + 2, tci);
  b.flags[i] |= FULCRUM_META_VLAN;
}

// The frame has one.
inline void remove_tag(Batch& b, unsigned i) noexcept {
  std::memmove(b.data[i] + kTagBytes, b.data[i], kTypeAt);
  b.pull(i, kTagBytes);
  if (!is_tpid(load_be16(b.data[i] + kTypeAt))) b.flags[i] &= static_cast<std::uint8_t>(~FULCRUM_META_VLAN);
}

}  // namespace fulcrum
