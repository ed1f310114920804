// SPDX-License-Identifier: MIT
// packet.h - what of a packet matters to the translator, and its headers changed.
#pragma once

#include <cstdint>

#include "fulcrum/batch.h"
#include "key.h"

namespace fulcrum::nat {

// Units of pointers: into the frame. Addresses in host byte order.
struct Packet {
  enum class Kind : std::uint8_t {
    kFlow,      // TCP, UDP or an ICMP query: src and dst have ports
    kError,     // an ICMP error: embedded is the datagram in it
    kTail,      // a fragment behind the first: no ports
    kUnknown,   // a protocol that is not translated
    kMalformed  // cut, or no IPv4
  };
  Kind kind = Kind::kMalformed;
  Proto proto = Proto::kUdp;
  bool is_first_fragment = false;
  bool is_reply = false;  // of an ICMP query
  std::uint8_t tcp_flags = 0;
  std::uint8_t* ip = nullptr;
  std::uint8_t* l4 = nullptr;
  std::uint8_t* end = nullptr;  // of the datagram, where it is not a fragment
  Endpoint src, dst;
};

inline std::uint32_t load_address(const std::uint8_t* p) noexcept { return __builtin_bswap32(fulcrum_load32(p)); }

Packet read_packet(Batch& b, unsigned i) noexcept;

// Behind the ICMP header of an error, which is whole and has right checksums: a datagram
// of a flow, with its ports. False: it is not to be trusted, or not of such a flow.
bool read_embedded(const Packet& error, Packet& embedded) noexcept;

// The packet's ends become these, its checksums with them: of the flow, or with addresses only of a fragment.
void rewrite(const Packet& p, Endpoint src, Endpoint dst) noexcept;
void rewrite_addresses(const Packet& p, std::uint32_t src, std::uint32_t dst) noexcept;
// The same of a datagram within an ICMP error, and the error's checksum.
void rewrite_embedded(const Packet& error, const Packet& embedded, Endpoint src, Endpoint dst) noexcept;

// The flow's hash follows its ends.
void rehash(Batch& b, unsigned i, const Packet& p) noexcept;

}  // namespace fulcrum::nat
