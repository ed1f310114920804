// SPDX-License-Identifier: MIT
// ip_family.h - what the IPv4 and the IPv6 form of an element do alike.
#pragma once

#include "fulcrum/batch.h"
#include "fulcrum/count.h"

namespace fulcrum {

// Packets for which is_good(i) holds -> 0; the others -> 1, counted.
template <class F>
inline void split_good(Mask in, Mask* out, Count& bad, F&& is_good) noexcept {
  Mask good = 0;
  for_each(in, [&](unsigned i) { good |= Mask{is_good(i)} << i; });
  out[0] = good;
  out[1] = in & ~good;
  if (out[1]) bad.add(static_cast<std::uint64_t>(std::popcount(out[1])));
}

// Where a family counts its hops.
struct HopField {
  std::uint8_t family;  // FULCRUM_META_IP4 or _IP6
  std::uint32_t header_bytes, at;
};

// One hop less by decrease(header), and packets of the other family -> 0; no hop
// left -> 1, counted. A cut header is dropped as `bad_header`.
template <class F>
inline void take_hop(Batch& b, Mask in, Mask* out, const HopField& field, Reason bad_header, Count& expired,
                     F&& decrease) noexcept {
  Mask alive = 0, none_left = 0;
  for_each(in, [&](unsigned i) {
    const Mask bit = Mask{1} << i;
    if (!(b.flags[i] & field.family)) {
      alive |= bit;
    } else if (b.l3_off[i] + field.header_bytes > b.len[i]) {
      b.drop(i, bad_header);
    } else if (b.l3(i)[field.at] <= 1) {
      none_left |= bit;
    } else {
      decrease(b.l3(i));
      alive |= bit;
    }
  });
  out[0] = alive;
  out[1] = none_left;
  if (none_left) expired.add(static_cast<std::uint64_t>(std::popcount(none_left)));
}

}  // namespace fulcrum
