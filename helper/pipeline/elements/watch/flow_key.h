// SPDX-License-Identifier: MIT
// flow_key.h - a packet's 5-tuple, or one end of it -> a key to count by, and words for people.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "fulcrum/batch.h"
#include "fulcrum_parse.h"

namespace fulcrum {

enum class FlowBy : std::uint8_t { kFlow, kSource, kDestination };

// What is not counted by is 0. Network byte order, IPv4 in the first 4 bytes.
struct FlowKey {
  std::uint8_t src[16] = {}, dst[16] = {};
  std::uint16_t src_port = 0, dst_port = 0;
  std::uint8_t proto = 0;
  std::uint8_t family = 0;  // 4, 6
  std::uint16_t zero = 0;
  auto operator<=>(const FlowKey&) const = default;
};
static_assert(sizeof(FlowKey) == 40 && std::has_unique_object_representations_v<FlowKey>);

// False: no IP, or its header is not all there.
inline bool flow_key(const Batch& b, unsigned i, FlowBy by, FlowKey& key) noexcept {
  const bool v4 = b.flags[i] & FULCRUM_META_IP4, v6 = b.flags[i] & FULCRUM_META_IP6;
  if ((!v4 && !v6) || b.l3_off[i] + (v4 ? 20u : 40u) > b.len[i]) return false;
  const std::uint8_t* l3 = b.l3(i);
  const unsigned bytes = v4 ? 4 : 16;
  const std::uint8_t* src = l3 + (v4 ? 12 : 8);
  key.family = v4 ? 4 : 6;
  if (by != FlowBy::kDestination) std::memcpy(key.src, src, bytes);
  if (by != FlowBy::kSource) std::memcpy(key.dst, src + bytes, bytes);
  if (by != FlowBy::kFlow) return true;
  key.proto = b.proto[i];
  if (b.l4_off[i] && b.l4_off[i] + 4u <= b.len[i] && fulcrum_proto_has_ports(b.proto[i])) {
    std::memcpy(&key.src_port, b.data[i] + b.l4_off[i], 2);
    std::memcpy(&key.dst_port, b.data[i] + b.l4_off[i] + 2, 2);
  }
  return true;
}

inline std::uint64_t flow_hash(const FlowKey& key) noexcept {
  std::uint64_t words[5], h = 0x9e3779b97f4a7c15;
  std::memcpy(words, &key, sizeof key);
  for (std::uint64_t w : words) {
    h = (h ^ w) * 0xff51afd7ed558ccd;
    h ^= h >> 32;
  }
  return h;
}

inline std::string protocol_text(std::uint8_t proto) {
  switch (proto) {
    case 1:
      return "icmp";
    case 4:
      return "ipip";
    case FULCRUM_PROTO_TCP:
      return "tcp";
    case FULCRUM_PROTO_UDP:
      return "udp";
    case 47:
      return "gre";
    case FULCRUM_PROTO_ESP:
      return "esp";
    case FULCRUM_PROTO_ICMP6:
      return "icmp6";
    case FULCRUM_PROTO_SCTP:
      return "sctp";
    default:
      return std::to_string(proto);
  }
}

// "10.0.0.1:53", "[2001:db8::1]:53"; without port the address alone.
inline std::string end_text(const std::uint8_t* address, std::uint16_t port, std::uint8_t family) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family == 6 ? AF_INET6 : AF_INET, address, text, sizeof text);
  if (!port) return text;
  const std::string number = ":" + std::to_string(ntohs(port));
  return family == 6 ? "[" + std::string(text) + "]" + number : text + number;
}

// "udp 10.0.0.1:1000 > 10.0.1.2:53", or the one address.
inline std::string flow_text(const FlowKey& key, FlowBy by) {
  if (by == FlowBy::kSource) return end_text(key.src, 0, key.family);
  if (by == FlowBy::kDestination) return end_text(key.dst, 0, key.family);
  return protocol_text(key.proto) + " " + end_text(key.src, key.src_port, key.family) + " > " +
         end_text(key.dst, key.dst_port, key.family);
}

}  // namespace fulcrum
