// SPDX-License-Identifier: MIT
// reparse.h - an element that changed a packet's headers -> what the batch tells of them.
#pragma once

#include "fulcrum/batch.h"
#include "fulcrum_parse.h"  // include/uapi

namespace fulcrum {

// The family of the datagram at L3, into the EtherType in front of it.
inline void set_ethertype(Batch& b, unsigned i, bool v6) noexcept {
  std::uint8_t* type = b.l3(i) - 2;
  type[0] = v6 ? 0x86 : 0x08;
  type[1] = v6 ? 0xdd : 0x00;
}

// Offsets, protocol, flags and hash anew. Bucket, place and time stay: they tell how the packet came.
inline void reparse(Batch& b, unsigned i) noexcept {
  fulcrum_parsed p;
  fulcrum_parse(b.data[i], b.data[i] + b.len[i], &p);
  b.set_headers(i, p);
}

}  // namespace fulcrum
