// SPDX-License-Identifier: MIT
// range.h - the bytes of a packet that a kernel's declaration names.
//
// The cpu form of an element and the gathering of a device task both take the
// range from here, so that they see the same bytes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fulcrum/batch.h"
#include "fulcrum/kernel.h"

namespace fulcrum {

// Units: bytes from Batch::data.
struct ByteRange {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

// Where the IP datagram of packet i ends, cut to what is there.
inline std::uint32_t datagram_end(const Batch& b, unsigned i) noexcept {
  const std::uint32_t l3 = b.l3_off[i];
  if (l3 + 20 > b.len[i]) return b.len[i];
  const std::uint8_t* h = b.l3(i);
  std::uint32_t end = b.len[i];
  if (b.flags[i] & FULCRUM_META_IP4)
    end = l3 + (std::uint32_t{h[2]} << 8 | h[3]);
  else if ((b.flags[i] & FULCRUM_META_IP6) && (h[4] | h[5]))  // 0: jumbo, as long as the frame
    end = l3 + 40 + (std::uint32_t{h[4]} << 8 | h[5]);
  return std::min(end, b.len[i]);
}

// Where the range starts, if it is not empty. The packet is not looked at.
inline std::uint32_t range_begin(const Batch& b, unsigned i, PacketRange range) noexcept {
  if (range == PacketRange::kWhole) return 0;
  return range == PacketRange::kPayload ? b.payload_off[i] : b.l3_off[i];
}

// `end`: datagram_end(), which the caller has; not looked at with kWhole.
inline ByteRange packet_range(const Batch& b, unsigned i, PacketRange range, std::uint32_t max_bytes,
                              std::uint32_t end) noexcept {
  const std::uint32_t begin = range_begin(b, i, range);
  if (range == PacketRange::kWhole) end = b.len[i];
  if (range == PacketRange::kPayload && !begin) return {0, 0};  // no TCP/UDP header: no payload
  if (begin >= end) return {0, 0};
  std::uint32_t length = end - begin;
  if (max_bytes) length = std::min(length, max_bytes);
  return {begin, length};
}

inline ByteRange packet_range(const Batch& b, unsigned i, PacketRange range, std::uint32_t max_bytes) noexcept {
  return packet_range(b, i, range, max_bytes, range == PacketRange::kWhole ? 0 : datagram_end(b, i));
}

}  // namespace fulcrum
