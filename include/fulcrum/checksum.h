// SPDX-License-Identifier: MIT
// checksum.h - the Internet checksum: bytes -> sum, sum -> field, a field after a change.
//
// Sources: RFC 1071 (the sum), RFC 1624 equation 3 (the update), RFC 768, RFC 9293 3.1,
// RFC 8200 8.1 (pseudo headers). A sum is in the byte order of memory, as RFC 1071
// section 2 (B) allows: words are loaded as they stand, and the 16-bit result is stored
// as it is. Units: any number of bytes; a sum has 33 bits at most, so that words may be
// added to it by hand.
//
//   std::uint8_t* h = b.l3(i);                                     // anew
//   store_checksum(h + 10, 0);
//   store_checksum(h + 10, checksum_of(checksum_add(0, h, header_bytes)));
//
//   const std::uint16_t delta = checksum_delta(h + 12, address, 4);  // an address changed
//   checksum_update(h + 10, delta), checksum_update(tcp + 16, delta), checksum_update_udp(udp + 6, delta);
//   std::memcpy(h + 12, address, 4);
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fulcrum {

// `sum` and what follows it: `bytes` at p, at an even distance from where the sum began.
// An odd last byte counts as if a zero followed.
inline std::uint64_t checksum_add(std::uint64_t sum, const void* p, std::size_t bytes) noexcept {
  const auto* at = static_cast<const std::uint8_t*>(p);
  const auto more = [&sum](std::uint64_t word) { sum += word, sum += sum < word; };  // the carry goes round
  for (; bytes >= 8; at += 8, bytes -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    more(word);
  }
  if (bytes & 4) {
    std::uint32_t word;
    std::memcpy(&word, at, 4);
    more(word), at += 4;
  }
  if (bytes & 2) {
    std::uint16_t word;
    std::memcpy(&word, at, 2);
    more(word), at += 2;
  }
  if (bytes & 1) more(std::endian::native == std::endian::big ? *at << 8 : *at);
  return (sum >> 32) + (sum & 0xffffffff);
}

// 16 bits of a sum. Of bytes with their checksum among them: 0xffff where it is right.
inline std::uint16_t checksum_fold(std::uint64_t sum) noexcept {
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return static_cast<std::uint16_t>((sum >> 16) + (sum & 0xffff));
}

// What to store for a sum that has the field as zero.
inline std::uint16_t checksum_of(std::uint64_t sum) noexcept { return static_cast<std::uint16_t>(~checksum_fold(sum)); }

inline std::uint16_t load_checksum(const std::uint8_t* field) noexcept {
  std::uint16_t check;
  std::memcpy(&check, field, 2);
  return check;
}
inline void store_checksum(std::uint8_t* field, std::uint16_t check) noexcept { std::memcpy(field, &check, 2); }

// A number as one 16-bit word of a sum.
inline constexpr std::uint16_t checksum_word(std::uint32_t value) noexcept {
  const auto word = static_cast<std::uint16_t>(value);
  return std::endian::native == std::endian::big ? word : static_cast<std::uint16_t>(word << 8 | word >> 8);
}

// What a pseudo header adds: addresses of the header at `ip`, protocol and length of L4.
// In IPv6 the destination is the final one: not this header's in front of a routing
// header with segments left.
inline std::uint64_t pseudo_header4(const std::uint8_t* ip, std::uint8_t proto, std::uint32_t l4_bytes) noexcept {
  return checksum_add(std::uint64_t{checksum_word(proto)} + checksum_word(l4_bytes), ip + 12, 8);
}
inline std::uint64_t pseudo_header6(const std::uint8_t* ip, std::uint8_t proto, std::uint32_t l4_bytes) noexcept {
  const std::uint64_t words =
      std::uint64_t{checksum_word(proto)} + checksum_word(l4_bytes) + checksum_word(l4_bytes >> 16);
  return checksum_add(words, ip + 8, 32);
}

// By how much a sum changes when `bytes` (an even number) at an even place become others:
// ~m + m' of RFC 1624. One delta serves all checksums that cover the place.
inline std::uint16_t checksum_delta(const void* before, const void* after, std::size_t bytes) noexcept {
  return checksum_fold(checksum_add(0, after, bytes) +
                       static_cast<std::uint16_t>(~checksum_fold(checksum_add(0, before, bytes))));
}
inline std::uint16_t checksum_delta(std::uint16_t one, std::uint16_t other) noexcept {  // of two changes
  return checksum_fold(std::uint64_t{one} + other);
}

// The field after the change: HC' = ~(~HC + delta).
inline void checksum_update(std::uint8_t* field, std::uint16_t delta) noexcept {
  const auto old = static_cast<std::uint16_t>(~load_checksum(field));
  store_checksum(field, checksum_of(std::uint64_t{old} + delta));
}

// UDP over IPv4: zero says that there is none, and a checksum of zero is sent as 0xffff.
inline void checksum_update_udp(std::uint8_t* field, std::uint16_t delta) noexcept {
  if (load_checksum(field) == 0) return;
  checksum_update(field, delta);
  if (load_checksum(field) == 0) store_checksum(field, 0xffff);
}

}  // namespace fulcrum
