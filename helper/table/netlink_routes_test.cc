// SPDX-License-Identifier: MIT
// netlink_routes_test.cc - the feed against the kernel's own answers, in a
// network namespace of its own:
//
//   [ fd0: 10.9.0.1/16 2001:db8:9::1/48 ]   [ fd1: 10.8.0.1/16 2001:db8:8::1/48 ]
#include "table/netlink_routes.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "base/clock.h"

namespace fulcrum {
namespace {

// Runs `body` on a thread with a network namespace that ends with it.
template <class F>
void in_namespace(F body) {
  if (geteuid() != 0) GTEST_SKIP() << "network namespaces need root";
  bool made = false;
  std::thread([&] {
    made = unshare(CLONE_NEWNET) == 0;
    if (made) body();
  }).join();
  if (!made) GTEST_SKIP() << "no network namespace: " << std::strerror(errno);
}

void ip(const std::string& batch) {
  std::FILE* p = popen("ip -force -batch - >/dev/null", "w");
  ASSERT_NE(p, nullptr);
  std::fputs(batch.c_str(), p);
  EXPECT_EQ(pclose(p), 0) << batch.substr(0, 400);
}

// What a lookup says: kind, interface, gateway ("" on link). Comparable.
struct Answer {
  std::string kind, gateway;
  std::uint32_t ifindex = 0;
  bool operator==(const Answer&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Answer& a) {
  return out << a.kind << " dev " << a.ifindex << " via " << a.gateway;
}

struct Address {
  std::uint8_t byte[16] = {};
  bool v6 = false;
};
std::string to_text(const std::uint8_t* a, bool v6) {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(v6 ? AF_INET6 : AF_INET, a, text, sizeof text);
}

bool inside(const RoutePrefix& p, const Address& a) {
  if (p.v6 != a.v6) return false;
  for (unsigned bit = 0; bit < p.length; ++bit)
    if ((p.addr[bit / 8] ^ a.byte[bit / 8]) >> (7 - bit % 8) & 1) return false;
  return true;
}

Answer by_feed(const RouteSnapshot& s, const Address& a) {
  const RouteEntry* best = nullptr;
  for (const RouteEntry& r : s.routes)
    if (inside(r.prefix, a) && (!best || r.prefix.length >= best->prefix.length)) best = &r;
  if (!best) return {"none", "", 0};
  const RouteNextHop& hop = s.next_hops[best->next_hop];
  if (hop.kind == RouteKind::kLocal) return {"local", "", 0};
  if (hop.kind == RouteKind::kOther) return {"none", "", 0};
  return {"unicast", hop.on_link ? "" : to_text(hop.gateway, hop.v6), hop.ifindex};
}

// RTM_GETROUTE, as `ip route get` asks. Returns the length of the reply in `buffer`.
using Reply = char[8192];
ssize_t ask(mnl_socket* socket, const Address& a, unsigned flags, Reply& buffer) {
  std::memset(buffer, 0, sizeof buffer);
  nlmsghdr* m = mnl_nlmsg_put_header(buffer);
  m->nlmsg_type = RTM_GETROUTE;
  m->nlmsg_flags = NLM_F_REQUEST;
  auto* r = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(m, sizeof(rtmsg)));
  r->rtm_family = a.v6 ? AF_INET6 : AF_INET;
  r->rtm_dst_len = a.v6 ? 128 : 32;
  r->rtm_flags = flags;
  mnl_attr_put(m, RTA_DST, a.v6 ? 16 : 4, a.byte);
  mnl_socket_sendto(socket, m, m->nlmsg_len);
  return mnl_socket_recvfrom(socket, buffer, sizeof buffer);
}

// Answer of the kernel; of several equal next hops the one that its hash takes.
Answer by_kernel(mnl_socket* socket, const Address& a) {
  alignas(nlmsghdr) Reply buffer;
  const auto* m = reinterpret_cast<const nlmsghdr*>(buffer);
  const auto* r = reinterpret_cast<const rtmsg*>(buffer + NLMSG_HDRLEN);
  if (ask(socket, a, 0, buffer) <= 0 || m->nlmsg_type == NLMSG_ERROR) return {"none", "", 0};
  if (r->rtm_type == RTN_LOCAL || r->rtm_type == RTN_BROADCAST || r->rtm_type == RTN_ANYCAST) return {"local", "", 0};
  if (r->rtm_type != RTN_UNICAST) return {"none", "", 0};
  Answer out{"unicast", "", 0};
  auto* at = reinterpret_cast<nlattr*>(buffer + NLMSG_LENGTH(sizeof(rtmsg)));
  while (mnl_attr_ok(at, static_cast<int>(buffer + m->nlmsg_len - reinterpret_cast<char*>(at)))) {
    if (mnl_attr_get_type(at) == RTA_OIF) out.ifindex = mnl_attr_get_u32(at);
    if (mnl_attr_get_type(at) == RTA_GATEWAY)
      out.gateway = to_text(static_cast<std::uint8_t*>(mnl_attr_get_payload(at)), a.v6);
    at = mnl_attr_next(at);
  }
  return out;
}

// Whether `hop` is one of several equal next hops of the address: the feed takes
// the first, the kernel any.
bool is_among_equals(mnl_socket* socket, const Address& a, const Answer& hop) {
  alignas(nlmsghdr) Reply buffer;
  if (!a.v6 || hop.kind != "unicast" || ask(socket, a, RTM_F_FIB_MATCH, buffer) <= 0) return false;
  const auto* m = reinterpret_cast<const nlmsghdr*>(buffer);
  auto* at = static_cast<nlattr*>(mnl_nlmsg_get_payload_offset(m, sizeof(rtmsg)));
  const auto left_of = [&](const nlattr* x) {
    return static_cast<int>(buffer + m->nlmsg_len - reinterpret_cast<const char*>(x));
  };
  for (; mnl_attr_ok(at, left_of(at)); at = mnl_attr_next(at)) {
    if (mnl_attr_get_type(at) != RTA_MULTIPATH) continue;
    auto* next = static_cast<rtnexthop*>(mnl_attr_get_payload(at));
    for (int left = mnl_attr_get_payload_len(at); RTNH_OK(next, left);
         left -= RTNH_ALIGN(next->rtnh_len), next = RTNH_NEXT(next)) {
      const auto* gateway = reinterpret_cast<const nlattr*>(RTNH_DATA(next));
      if (next->rtnh_ifindex == static_cast<int>(hop.ifindex) && mnl_attr_get_type(gateway) == RTA_GATEWAY &&
          to_text(static_cast<std::uint8_t*>(mnl_attr_get_payload(gateway)), true) == hop.gateway)
        return true;
    }
  }
  return false;
}

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    socket_ = mnl_socket_open(NETLINK_ROUTE);
    mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID);
    ip("link set lo up\n"
       "link add fd0 type veth peer name fp0\nlink add fd1 type veth peer name fp1\n"
       "link set fd0 up\nlink set fd1 up\nlink set fp0 up\nlink set fp1 up\n"
       "addr add 10.9.0.1/16 dev fd0\naddr add 10.8.0.1/16 dev fd1\n"
       "addr add 2001:db8:9::1/48 dev fd0 nodad\naddr add 2001:db8:8::1/48 dev fd1 nodad\n");
  }
  ~World() { mnl_socket_close(socket_); }

  unsigned below(unsigned n) { return random_() % n; }

  Address address() {
    Address a;
    a.v6 = below(2);
    for (std::uint8_t& b : a.byte) b = static_cast<std::uint8_t>(below(4));
    static constexpr std::uint8_t kNet6[] = {0x20, 0x01, 0x0d, 0xb8};
    if (a.v6) {
      std::memcpy(a.byte, kNet6, 4);
      a.byte[5] = static_cast<std::uint8_t>(below(12));
    } else {
      a.byte[0] = 10;
      a.byte[1] = static_cast<std::uint8_t>(below(12));
    }
    return a;
  }

  std::string prefix(bool& v6) {
    Address a = address();
    v6 = a.v6;
    const unsigned length = v6 ? 32 + below(97) : 8 + below(25);
    for (unsigned bit = length; bit < (v6 ? 128 : 32); ++bit)
      a.byte[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
    return to_text(a.byte, v6) + "/" + std::to_string(length);
  }

  std::string route(const char* verb) {
    bool v6;
    const std::string to = prefix(v6);
    const std::string gateway = v6 ? "2001:db8:" + std::string(below(2) ? "9::" : "8::") + std::to_string(2 + below(9))
                                   : (below(2) ? "10.9.0." : "10.8.0.") + std::to_string(2 + below(9));
    const std::string head = std::string("route ") + verb + " ";
    known_.push_back("route del " + to);
    switch (below(8)) {
      case 0:
        return head + "unreachable " + to + "\n";
      case 1:
        return head + to + " dev fd" + std::to_string(below(2)) + "\n";
      case 2:
        return head + to + " via " + gateway + " metric " + std::to_string(1 + below(2000)) + "\n";
      default:
        return head + to + " via " + gateway + "\n";
    }
  }

  void add_routes(unsigned count, const char* verb) {
    std::string batch;
    for (unsigned i = 0; i < count; ++i) batch += route(verb);
    std::FILE* p = popen("ip -force -batch - >/dev/null 2>&1", "w");  // some repeat: refused by design
    std::fputs(batch.c_str(), p);
    pclose(p);
  }

  void delete_routes(unsigned count) {
    std::string batch;
    for (unsigned i = 0; i < count; ++i) batch += known_[below(static_cast<unsigned>(known_.size()))] + "\n";
    std::FILE* p = popen("ip -force -batch - >/dev/null 2>&1", "w");
    std::fputs(batch.c_str(), p);
    pclose(p);
  }

  // Waits until the feed agrees with the kernel on `count` addresses.
  void expect_agreement(NetlinkRoutes& feed, unsigned count, const char* when) {
    std::vector<Address> asked(count);
    for (Address& a : asked) a = address();
    const std::uint64_t limit_ns = now_ns() + 10'000'000'000;
    for (;;) {
      const auto snapshot = feed.routes.load().first;
      const Address* differs = nullptr;
      unsigned unicast = 0;
      for (const Address& a : asked) {
        const Answer kernel = by_kernel(socket_, a);
        unicast += kernel.kind == "unicast";
        const Answer answer = by_feed(*snapshot, a);
        if (!(answer == kernel) && !is_among_equals(socket_, a, answer)) differs = &a;
      }
      if (!differs) {
        EXPECT_GT(unicast, 0u) << when;
        return;
      }
      if (now_ns() > limit_ns) {
        ADD_FAILURE() << when << ": " << to_text(differs->byte, differs->v6) << ": feed "
                      << by_feed(*snapshot, *differs) << ", kernel " << by_kernel(socket_, *differs);
        return;
      }
      pollfd p{feed.fd(), POLLIN, 0};
      if (::poll(&p, 1, 50) > 0) feed.on_readable();
    }
  }

 private:
  std::mt19937 random_;
  mnl_socket* socket_;
  std::vector<std::string> known_;
};

template <class F>
bool wait_for(NetlinkRoutes& feed, F&& condition) {
  for (const std::uint64_t limit_ns = now_ns() + 10'000'000'000; !condition();) {
    if (now_ns() > limit_ns) return false;
    pollfd p{feed.fd(), POLLIN, 0};
    if (::poll(&p, 1, 50) > 0) feed.on_readable();
  }
  return true;
}

TEST(NetlinkRoutes, AgreesWithTheKernelThroughChanges) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  in_namespace([&] {
    World world(seed);
    world.add_routes(400, "add");
    auto feed = NetlinkRoutes::open();
    ASSERT_TRUE(feed) << feed.error().text;
    world.expect_agreement(**feed, 1500, "after the first read");
    world.add_routes(100, "add");
    world.expect_agreement(**feed, 1500, "after adding");
    world.add_routes(100, "replace");
    world.expect_agreement(**feed, 1500, "after replacing");
    world.delete_routes(150);
    world.expect_agreement(**feed, 1500, "after deleting");
    ip("link set fd1 down\n");
    world.expect_agreement(**feed, 1500, "with a link down");
    ip("link set fd1 up\n");
    world.expect_agreement(**feed, 1500, "with the link up again");
    world.add_routes(100, "append");
    world.expect_agreement(**feed, 1500, "after appending equals");
    world.delete_routes(150);
    world.expect_agreement(**feed, 1500, "after deleting equals");
    ip("addr del 10.9.0.1/16 dev fd0\n");
    world.expect_agreement(**feed, 1500, "without an address");
    ip("link del fd0\n");
    world.add_routes(100, "add");
    world.expect_agreement(**feed, 1500, "without a link");
  });
}

TEST(NetlinkRoutes, NeighboursLinksAndLocalAddresses) {
  in_namespace([] {
    World world(1);
    auto opened = NetlinkRoutes::open();
    ASSERT_TRUE(opened) << opened.error().text;
    NetlinkRoutes& feed = **opened;
    unsigned calls = 0;
    const int token = feed.on_change([&] { ++calls; });
    EXPECT_TRUE(wait_for(feed, [&] { return calls == 1; })) << "once without a change";

    ip("neigh add 10.9.0.77 lladdr 02:00:00:00:00:77 dev fd0 nud permanent\n"
       "neigh add 2001:db8:9::77 lladdr 02:00:00:00:00:78 dev fd0 nud stale\n"
       "neigh add 10.9.0.78 dev fd0 nud failed\n");
    const auto mac_of = [&](const char* address) -> int {
      std::uint8_t want[16] = {};
      const bool v6 = std::strchr(address, ':');
      inet_pton(v6 ? AF_INET6 : AF_INET, address, want);
      const auto known = feed.neighbours.load().first;
      for (const NeighbourEntry& n : *known)
        if (n.v6 == v6 && std::memcmp(n.addr, want, 16) == 0) return n.mac[5];
      return -1;
    };
    EXPECT_TRUE(wait_for(feed, [&] { return mac_of("10.9.0.77") == 0x77 && mac_of("2001:db8:9::77") == 0x78; }));
    EXPECT_EQ(mac_of("10.9.0.78"), -1) << "a failed neighbour is not usable";
    ip("neigh replace 10.9.0.77 lladdr 02:00:00:00:00:79 dev fd0 nud permanent\nneigh del 2001:db8:9::77 dev fd0\n");
    EXPECT_TRUE(wait_for(feed, [&] { return mac_of("10.9.0.77") == 0x79 && mac_of("2001:db8:9::77") == -1; }));
    EXPECT_GT(calls, 1u);
    feed.remove(token);

    ip("link set fd0 mtu 1400\n");
    EXPECT_TRUE(wait_for(feed, [&] { return feed.link("fd0") && feed.link("fd0")->mtu_bytes == 1400; }));
    const auto fd0 = feed.link("fd0");
    ASSERT_TRUE(fd0);
    EXPECT_TRUE(fd0->up);
    EXPECT_EQ(fd0->ifindex, if_nametoindex("fd0"));
    const auto stats = feed.link_stats(fd0->ifindex);
    ASSERT_TRUE(stats) << stats.error().text;
    EXPECT_EQ(stats->name, "fd0");
    EXPECT_FALSE(feed.link("nothing"));
    EXPECT_FALSE(feed.link_stats(99999));

    const auto is_local = [&](const char* address) {
      fulcrum_addr want;
      inet_pton(AF_INET6, address, want.word);
      for (const fulcrum_addr& a : feed.local_addresses())
        if (std::memcmp(&a, &want, sizeof a) == 0) return true;
      return false;
    };
    EXPECT_TRUE(is_local("::ffff:10.9.0.1"));
    EXPECT_TRUE(is_local("::ffff:10.9.255.255"));
    EXPECT_TRUE(is_local("::ffff:127.0.0.1"));
    EXPECT_TRUE(is_local("2001:db8:9::1"));
    EXPECT_FALSE(is_local("::ffff:10.9.0.2"));
    const std::uint64_t before = feed.local_version();
    ip("addr add 10.9.0.2/16 dev fd0\n");
    EXPECT_TRUE(wait_for(feed, [&] { return is_local("::ffff:10.9.0.2"); }));
    EXPECT_GT(feed.local_version(), before);
  });
}

}  // namespace
}  // namespace fulcrum
