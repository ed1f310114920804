// SPDX-License-Identifier: MIT
// netlink_parse.cc - attributes, checked for length before they are read.
#include "table/netlink_parse.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cstring>

namespace fulcrum {
namespace {

// Attributes of one message by type; null: absent.
template <std::size_t N>
using Attributes = std::array<const nlattr*, N>;

template <std::size_t N>
void note(Attributes<N>& into, const nlattr* a) {
  const std::uint16_t type = mnl_attr_get_type(a);
  if (type < N) into[type] = a;
}

// Calls f for each whole attribute in `bytes` bytes from `from` on.
template <class F>
void for_each_attribute(const void* from, std::size_t bytes, F&& f) {
  const char* end = static_cast<const char*>(from) + bytes;
  const auto* a = static_cast<const nlattr*>(from);
  while (mnl_attr_ok(a, static_cast<int>(end - reinterpret_cast<const char*>(a)))) {
    f(a);
    a = mnl_attr_next(a);
  }
}

template <std::size_t N>
Attributes<N> attributes_of(const nlmsghdr& m, std::size_t header_bytes) {
  Attributes<N> out{};
  const std::size_t bytes = mnl_nlmsg_get_payload_len(&m);
  if (bytes > header_bytes)
    for_each_attribute(mnl_nlmsg_get_payload_offset(&m, header_bytes), bytes - NLMSG_ALIGN(header_bytes),
                       [&](const nlattr* a) { note(out, a); });
  return out;
}

bool read_u32(const nlattr* a, std::uint32_t& out) {
  if (!a || mnl_attr_get_payload_len(a) < sizeof out) return false;
  std::memcpy(&out, mnl_attr_get_payload(a), sizeof out);
  return true;
}

bool read_address(const nlattr* a, bool v6, std::uint8_t out[16]) {
  const unsigned bytes = v6 ? 16 : 4;
  if (!a || mnl_attr_get_payload_len(a) != bytes) return false;
  std::memset(out, 0, 16);
  std::memcpy(out, mnl_attr_get_payload(a), bytes);
  return true;
}

RouteKind kind_of(std::uint8_t rtm_type) {
  switch (rtm_type) {
    case RTN_UNICAST:
      return RouteKind::kUnicast;
    case RTN_LOCAL:
    case RTN_BROADCAST:
    case RTN_ANYCAST:
    case RTN_MULTICAST:
      return RouteKind::kLocal;
    default:
      return RouteKind::kOther;
  }
}

using RouteAttributes = Attributes<RTA_MAX + 1>;

// Gateway and interface, given in the message itself or in one next hop of it.
void read_hop(const RouteAttributes& a, bool v6, RouteNextHop& hop) {
  read_u32(a[RTA_OIF], hop.ifindex);
  hop.on_link = true;
  if (read_address(a[RTA_GATEWAY], v6, hop.gateway)) {
    hop.v6 = v6;
    hop.on_link = false;
  } else if (const nlattr* via = a[RTA_VIA]; via && mnl_attr_get_payload_len(via) >= 2) {
    std::uint16_t family;
    const auto* bytes = static_cast<const std::uint8_t*>(mnl_attr_get_payload(via));
    std::memcpy(&family, bytes, 2);
    hop.v6 = family == AF_INET6;
    const std::size_t address_bytes = hop.v6 ? 16 : 4;
    if (mnl_attr_get_payload_len(via) >= 2 + address_bytes) {
      std::memcpy(hop.gateway, bytes + 2, address_bytes);
      hop.on_link = false;
    }
  }
  if (a[RTA_ENCAP_TYPE]) hop.kind = RouteKind::kOther;  // tunnels are Linux's
}

// The first next hop that is not dead.
void read_multipath(const nlattr* paths, bool v6, RouteNextHop& hop) {
  const auto* at = static_cast<const char*>(mnl_attr_get_payload(paths));
  int left = mnl_attr_get_payload_len(paths);
  for (bool first = true; left >= static_cast<int>(sizeof(rtnexthop)); first = false) {
    rtnexthop next;
    std::memcpy(&next, at, sizeof next);
    if (next.rtnh_len < sizeof next || next.rtnh_len > left) return;
    if (first || !(next.rtnh_flags & RTNH_F_DEAD)) {
      RouteAttributes inner{};
      for_each_attribute(at + sizeof next, next.rtnh_len - sizeof next, [&](const nlattr* a) { note(inner, a); });
      hop.ifindex = 0;
      std::memset(hop.gateway, 0, sizeof hop.gateway);
      read_hop(inner, v6, hop);
      hop.ifindex = static_cast<std::uint32_t>(next.rtnh_ifindex);
      if (!(next.rtnh_flags & RTNH_F_DEAD)) return;
    }
    const int step = static_cast<int>(RTNH_ALIGN(next.rtnh_len));
    at += step;
    left -= step;
  }
}

// Linux heeds a route's MTU when it forwards only where it is locked.
std::uint32_t locked_mtu(const nlattr* metrics) {
  if (!metrics) return 0;
  std::uint32_t mtu = 0, locks = 0;
  for_each_attribute(mnl_attr_get_payload(metrics), mnl_attr_get_payload_len(metrics), [&](const nlattr* a) {
    if (mnl_attr_get_type(a) == RTAX_MTU) read_u32(a, mtu);
    if (mnl_attr_get_type(a) == RTAX_LOCK) read_u32(a, locks);
  });
  return locks & (1u << RTAX_MTU) ? mtu : 0;
}

}  // namespace

std::optional<StoredRoute> parse_route(const nlmsghdr& m) {
  if (mnl_nlmsg_get_payload_len(&m) < sizeof(rtmsg)) return std::nullopt;
  const auto& r = *static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&m));
  if (r.rtm_family != AF_INET && r.rtm_family != AF_INET6) return std::nullopt;
  if (r.rtm_flags & RTM_F_CLONED || r.rtm_tos || r.rtm_src_len) return std::nullopt;
  const auto a = attributes_of<RTA_MAX + 1>(m, sizeof r);
  std::uint32_t table = r.rtm_table;
  read_u32(a[RTA_TABLE], table);
  if (table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL) return std::nullopt;
  StoredRoute out;
  const bool v6 = out.key.v6 = r.rtm_family == AF_INET6;
  out.key.length = r.rtm_dst_len;
  out.key.local_table = table == RT_TABLE_LOCAL;
  if (r.rtm_dst_len > (v6 ? 128 : 32)) return std::nullopt;
  if (!read_address(a[RTA_DST], v6, out.key.addr) && r.rtm_dst_len) return std::nullopt;
  read_u32(a[RTA_PRIORITY], out.metric);
  out.hop.kind = kind_of(r.rtm_type);
  if (a[RTA_MULTIPATH])
    read_multipath(a[RTA_MULTIPATH], v6, out.hop);
  else
    read_hop(a, v6, out.hop);
  out.siblings = v6 && a[RTA_MULTIPATH];
  out.hop.mtu_bytes = locked_mtu(a[RTA_METRICS]);
  // Without an interface (next-hop objects with compat mode off): Linux's.
  if (out.hop.kind == RouteKind::kUnicast && !out.hop.ifindex) out.hop.kind = RouteKind::kOther;
  return out;
}

std::optional<ParsedNeighbour> parse_neighbour(const nlmsghdr& m) {
  if (mnl_nlmsg_get_payload_len(&m) < sizeof(ndmsg)) return std::nullopt;
  const auto& n = *static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&m));
  if ((n.ndm_family != AF_INET && n.ndm_family != AF_INET6) || n.ndm_flags & NTF_PROXY) return std::nullopt;
  const auto a = attributes_of<NDA_MAX + 1>(m, sizeof n);
  ParsedNeighbour out{};
  out.entry.v6 = n.ndm_family == AF_INET6;
  out.entry.ifindex = static_cast<std::uint32_t>(n.ndm_ifindex);
  if (!read_address(a[NDA_DST], out.entry.v6, out.entry.addr)) return std::nullopt;
  constexpr unsigned kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
  const nlattr* mac = a[NDA_LLADDR];
  out.usable = m.nlmsg_type == RTM_NEWNEIGH && n.ndm_state & kUsable && mac && mnl_attr_get_payload_len(mac) == 6;
  if (out.usable) std::memcpy(out.entry.mac, mnl_attr_get_payload(mac), 6);
  return out;
}

std::optional<LinkInfo> parse_link(const nlmsghdr& m) {
  if (mnl_nlmsg_get_payload_len(&m) < sizeof(ifinfomsg)) return std::nullopt;
  const auto& i = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&m));
  if (i.ifi_family != AF_UNSPEC) return std::nullopt;
  const auto a = attributes_of<IFLA_MAX + 1>(m, sizeof i);
  LinkInfo out;
  out.ifindex = static_cast<std::uint32_t>(i.ifi_index);
  out.up = i.ifi_flags & IFF_UP;
  if (a[IFLA_IFNAME] && mnl_attr_validate(a[IFLA_IFNAME], MNL_TYPE_NUL_STRING) == 0)
    out.name = mnl_attr_get_str(a[IFLA_IFNAME]);
  read_u32(a[IFLA_MTU], out.mtu_bytes);
  if (a[IFLA_ADDRESS] && mnl_attr_get_payload_len(a[IFLA_ADDRESS]) == 6)
    std::memcpy(out.mac, mnl_attr_get_payload(a[IFLA_ADDRESS]), 6);
  rtnl_link_stats64 stats{};
  if (a[IFLA_STATS64] && mnl_attr_get_payload_len(a[IFLA_STATS64]) >= offsetof(rtnl_link_stats64, rx_bytes)) {
    std::memcpy(&stats, mnl_attr_get_payload(a[IFLA_STATS64]), offsetof(rtnl_link_stats64, rx_bytes));
    out.rx_packets = stats.rx_packets;
    out.tx_packets = stats.tx_packets;
  }
  return out;
}

}  // namespace fulcrum
