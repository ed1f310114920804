// SPDX-License-Identifier: MIT
// target.cc - a packet -> the flow of the service that it belongs to.
#include "plugins/lb/target.h"

#include "fulcrum_parse.h"  // include/uapi

namespace fulcrum::lb {
namespace {

constexpr std::uint32_t kIp4Bytes = 20, kIp6Bytes = 40;
constexpr std::uint8_t kProtoIcmp = 1, kProtoIcmp6 = FULCRUM_PROTO_ICMP6;

bool takes_proto(const Settings& s, std::uint8_t proto) noexcept {
  if (s.proto) return *s.proto == proto;
  return proto == FULCRUM_PROTO_TCP || proto == FULCRUM_PROTO_UDP;
}

bool takes(const Settings& s, std::uint8_t proto, std::uint16_t port) noexcept {
  return takes_proto(s, proto) && (!s.port || *s.port == port);
}

// Identification of a fragmented datagram whose header is at `l3`. False: there is none.
bool fragment_id(const std::uint8_t* l3, const std::uint8_t* end, bool v6, std::uint32_t& id,
                 std::uint8_t& proto) noexcept {
  if (!v6) {
    id = fulcrum_load_be16(l3 + 4), proto = l3[9];
    return true;
  }
  fulcrum_cursor c{l3, l3 + kIp6Bytes, end};
  fulcrum_parsed p{};
  p.proto = l3[6];
  for (int headers = 0, tail = 0; headers <= FULCRUM_IP6_HEADERS; ++headers) {
    if (p.proto == FULCRUM_PROTO_FRAGMENT && fulcrum_has(&c, 8)) {
      id = fulcrum_load32(c.pos + 4), proto = c.pos[0];
      return true;
    }
    if (fulcrum_skip_ip6(&c, &p, &tail) != 1) return false;
  }
  return false;
}

// The datagram inside an ICMP error, from the VIP to a client: its flow, seen from there.
bool embedded_flow(const Settings& s, const std::uint8_t* p, const std::uint8_t* end, FlowKey& key) noexcept {
  const bool v6 = s.vip.v6;
  const std::uint32_t fixed = v6 ? kIp6Bytes : kIp4Bytes;
  if (static_cast<std::uint32_t>(end - p) < fixed || p[0] >> 4 != (v6 ? 6 : 4)) return false;
  if (std::memcmp(p + (v6 ? 8 : 12), s.vip.bytes, v6 ? 16 : 4) != 0) return false;
  fulcrum_cursor c{p, p + fixed, end};
  fulcrum_parsed inner{};
  if (v6) {
    int tail = 0;
    inner.proto = p[6];
    if (fulcrum_skip_ip6_all(&c, &inner, &tail) || tail) return false;
  } else {
    const std::uint32_t header = (p[0] & 15u) * 4;
    if (header < fixed || static_cast<std::uint32_t>(end - p) < header || fulcrum_load_be16(p + 6) & 0x1fff)
      return false;
    inner.proto = p[9];
    c.pos = p + header;
  }
  if (!fulcrum_has(&c, 4) || !takes(s, inner.proto, fulcrum_load_be16(c.pos))) return false;
  key = flow_key(p + (v6 ? 24 : 16), v6, fulcrum_load_be16(c.pos + 2), fulcrum_load_be16(c.pos), inner.proto);
  return true;
}

bool is_icmp_error(const Batch& b, unsigned i, bool v6) noexcept {
  if (b.proto[i] != (v6 ? kProtoIcmp6 : kProtoIcmp) || !b.l4_off[i]) return false;
  if (b.flags[i] & FULCRUM_META_FRAGMENT || b.l4_off[i] + 8u > b.len[i]) return false;
  const std::uint8_t type = b.data[i][b.l4_off[i]];
  if (v6) return type >= 1 && type <= 4;
  return type == 3 || type == 4 || type == 11 || type == 12;
}

// Sets kind and keys of a datagram that is addressed to the VIP.
void find_flow(const Settings& s, const Batch& b, unsigned i, Target& t) noexcept {
  const bool v6 = s.vip.v6, fragmented = b.flags[i] & FULCRUM_META_FRAGMENT;
  const std::uint8_t *l3 = b.l3(i), *end = b.data[i] + b.len[i];
  const std::uint8_t* client = l3 + (v6 ? 8 : 12);
  std::uint32_t id = 0;
  std::uint8_t proto = b.proto[i];
  if (fragmented) {
    if (!fragment_id(l3, end, v6, id, proto)) return;
    t.fragment = fragment_key(client, v6, id, proto);
  }
  if (b.l4_off[i] && fulcrum_proto_has_ports(b.proto[i])) {
    const std::uint8_t* l4 = b.data[i] + b.l4_off[i];
    const std::uint16_t port = fulcrum_load_be16(l4 + 2);
    if (!takes(s, b.proto[i], port)) return;
    t.flow = flow_key(client, v6, fulcrum_load_be16(l4), port, b.proto[i]);
    t.kind = fragmented ? TargetKind::kFirstFragment : TargetKind::kFlow;
    if (b.proto[i] == FULCRUM_PROTO_TCP) t.tcp_flags = l4[13];
  } else if (fragmented && !b.l4_off[i] && (v6 || takes_proto(s, proto))) {
    t.kind = TargetKind::kFragment;
  } else if (is_icmp_error(b, i, v6) && embedded_flow(s, b.data[i] + b.l4_off[i] + 8, end, t.flow)) {
    t.kind = TargetKind::kIcmpError;
  }
}

}  // namespace

Target find_target(const Settings& s, const Batch& b, unsigned i) noexcept {
  Target t;
  const bool v6 = s.vip.v6;
  if (!(b.flags[i] & (v6 ? FULCRUM_META_IP6 : FULCRUM_META_IP4))) return t;
  const std::uint32_t fixed = v6 ? kIp6Bytes : kIp4Bytes;
  if (b.l3_off[i] + fixed > b.len[i]) return t;
  const std::uint8_t* l3 = b.l3(i);
  if (std::memcmp(l3 + (v6 ? 24 : 16), s.vip.bytes, v6 ? 16 : 4) != 0) return t;
  find_flow(s, b, i, t);
  if (t.kind == TargetKind::kNotOurs) return t;
  t.inner_bytes = v6 ? fulcrum_load_be16(l3 + 4) + fixed : fulcrum_load_be16(l3 + 2);
  if (t.inner_bytes < fixed || t.inner_bytes > b.l3_len(i)) t.kind = TargetKind::kMalformed;
  return t;
}

}  // namespace fulcrum::lb
