// SPDX-License-Identifier: MIT
// ether_back.h - a frame's Ethernet addresses, changed over, to leave with.
#pragma once

#include <cstring>

#include "fulcrum/batch.h"

namespace fulcrum {

// Those of the frame as it stands, in place of what an element before chose. False: it is too short to have any.
inline bool swap_addresses(Batch& b, unsigned i) noexcept {
  if (b.len[i] < 12) return false;
  std::memcpy(b.l2[i].dst, b.data[i] + 6, 6);
  std::memcpy(b.l2[i].src, b.data[i], 6);
  b.l2[i].valid |= kL2Dst | kL2Src;
  return true;
}

}  // namespace fulcrum
