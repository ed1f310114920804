// SPDX-License-Identifier: MIT
// ip_lookup_test.cc - IPLookup: arguments, route files, decisions, and the same
// answer by process() and by kernel and finish().
#include "ip_lookup.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <random>

#include "device/testing.h"
#include "kernel.h"
#include "route_file.h"

namespace fulcrum::route {
namespace {

// Ports eth1 = 1 (ifindex 11), eth2 = 2 (ifindex 12); port p has MAC 02::p.
class TestSetup : public Setup {
 public:
  Result<std::uint16_t> port(std::string_view name) override {
    if (name == "eth1") return std::uint16_t{1};
    if (name == "eth2") return std::uint16_t{2};
    return Error{"no port " + std::string(name)};
  }
  std::uint16_t port_by_ifindex(std::uint32_t ifindex) const override {
    if (!ports_known) return kNoPort;
    return ifindex == 11 || ifindex == 12 ? static_cast<std::uint16_t>(ifindex - 10) : kNoPort;
  }
  bool port_mac(std::uint16_t port, std::uint8_t mac[6]) const override {
    if (!macs_known) return false;
    const std::uint8_t of_port[6] = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(port)};
    std::memcpy(mac, of_port, 6);
    return true;
  }
  Reason reason(std::string_view) override { return 1; }
  unsigned worker() const override { return 0; }
  RouteFeed* kernel_routes() override { return feed; }
  std::shared_ptr<void> shared(const std::string& key, const std::function<std::shared_ptr<void>()>& make) override {
    auto& slot = shared_[key];
    if (!slot) slot = make();
    return slot;
  }
  std::string resolve_path(std::string_view path) const override { return std::string(path); }

  RouteFeed* feed = nullptr;
  bool macs_known = true;
  bool ports_known = true;

 private:
  std::map<std::string, std::shared_ptr<void>> shared_;
};

struct Feed : RouteFeed {
  int on_change(std::function<void()> call) override {
    call_ = std::move(call);
    return 1;
  }
  void remove(int) override { call_ = nullptr; }
  void changed() { call_(); }
  std::function<void()> call_;
};

void address(std::uint8_t* out, const char* text) { inet_pton(std::strchr(text, ':') ? AF_INET6 : AF_INET, text, out); }

RouteEntry route_to(const char* prefix, unsigned length, std::uint32_t hop) {
  RouteEntry e{};
  e.prefix.v6 = std::strchr(prefix, ':');
  e.prefix.length = static_cast<std::uint8_t>(length);
  address(e.prefix.addr, prefix);
  e.next_hop = hop;
  return e;
}

RouteNextHop hop(RouteKind kind, std::uint32_t ifindex, const char* gateway) {
  RouteNextHop h{};
  h.kind = kind;
  h.ifindex = ifindex;
  h.mtu_bytes = 1500;
  h.on_link = !gateway;
  if (gateway) {
    h.v6 = std::strchr(gateway, ':');
    address(h.gateway, gateway);
  }
  return h;
}

NeighbourEntry neighbour(const char* text, std::uint32_t ifindex, std::uint8_t last) {
  NeighbourEntry n{};
  n.v6 = std::strchr(text, ':');
  address(n.addr, text);
  n.ifindex = ifindex;
  n.mac[0] = 6, n.mac[5] = last;
  return n;
}

// A batch with its frames.
struct Frames {
  Batch b;
  std::uint8_t frame[kBatchSize][64] = {};

  unsigned add(const char* to, unsigned total_bytes = 60, std::uint8_t flags = 0, const char* from = nullptr) {
    const unsigned i = b.count++;
    const bool v6 = std::strchr(to, ':');
    std::uint8_t* f = frame[i];
    std::memset(f, 0xd0, 6);
    std::memset(f + 6, 0x50, 6);
    std::uint8_t* l3 = f + 14;
    l3[0] = v6 ? 0x60 : 0x45;
    const unsigned length = v6 ? total_bytes - 40 : total_bytes;
    l3[v6 ? 4 : 2] = static_cast<std::uint8_t>(length >> 8);
    l3[v6 ? 5 : 3] = static_cast<std::uint8_t>(length);
    if (v6) address(l3 + 8, from ? from : "2001:db8:f::1");
    address(l3 + (v6 ? 24 : 16), to);
    b.data[i] = f;
    b.len[i] = 64;
    b.l3_off[i] = 14;
    b.flags[i] = flags;
    b.reset_results(i);
    return i;
  }
};

// Runs process() on one copy and the device form on another; both must agree.
Mask routed_of(IpLookup& element, Frames& frames) {
  const Mask in = frames.b.all();
  Mask by_cpu[2] = {}, by_device[2] = {};
  Batch other = frames.b;
  element.process(frames.b, in, by_cpu);
  testing::OffloadRun(element, other, in).finish(element, other, by_device);
  EXPECT_EQ(by_cpu[0], by_device[0]);
  EXPECT_EQ(by_cpu[1], by_device[1]);
  EXPECT_EQ(by_cpu[0] | by_cpu[1], in);
  for_each(by_cpu[0], [&](unsigned i) {
    EXPECT_EQ(frames.b.out_port[i], other.out_port[i]);
    EXPECT_EQ(std::memcmp(&frames.b.l2[i], &other.l2[i], sizeof(L2Rewrite)), 0);
  });
  return by_cpu[0];
}

std::vector<ArgError> errors_of(const char* text, Setup& setup) {
  return parse_routes(text, "r.txt", setup, {1, 1})->errors;
}

TEST(RouteFile, ErrorsNameTheLineAndWhatIsValid) {
  TestSetup setup;
  EXPECT_TRUE(
      errors_of("# c\n\n10.0.0.0/8 via 10.1.1.1 dev eth1 # c\n::/0 via fe80::1 dev eth2 lladdr 02:0a:00:00:00:01\n",
                setup)
          .empty());
  const std::pair<const char*, const char*> kWrong[] = {
      {"10.0.0/8 via 10.1.1.1 dev eth1", "is not a prefix"},
      {"10.0.0.0/33 via 10.1.1.1 dev eth1", "is not a prefix"},
      {"10.0.0.0/ via 10.1.1.1 dev eth1", "is not a prefix"},
      {"10.0.0.1/8 via 10.1.1.1 dev eth1", "bits set"},
      {"10.0.0.0/8 via 10.1.1 dev eth1", "is not an address"},
      {"10.0.0.0/8 via 10.1.1.1 dev eth9", "no port eth9"},
      {"10.0.0.0/8 via 10.1.1.1", "not a route line"},
      {"10.0.0.0/8 via 10.1.1.1 dev eth1 lladdr", "not a route line"},
      {"10.0.0.0/8 via 10.1.1.1 dev eth1 lladdr 02:00:00:00:00:0", "is not a MAC"},
      {"10.0.0.0/8 via 10.1.1.1 dev eth1 lladdr 02:00:00:00:00:zz", "is not a MAC"},
      {"1.0.0.0/8 via 10.1.1.1 dev eth1", "stands in line 1"},
  };
  for (const auto& [line, what] : kWrong) {
    const auto errors = errors_of(("1.0.0.0/8 via 10.1.1.1 dev eth1\n" + std::string(line) + "\n").c_str(), setup);
    ASSERT_EQ(errors.size(), 1u) << line;
    EXPECT_EQ(errors[0].text.rfind("r.txt:2: ", 0), 0u) << errors[0].text;
    EXPECT_NE(errors[0].text.find(what), std::string::npos) << errors[0].text;
  }
  EXPECT_EQ(errors_of("10.0.0.1/8 via 10.1.1.1 dev eth1\n", setup)[0].choices[0], "10.0.0.0/8");
  EXPECT_EQ(load_route_file("/nonexistent", setup, {})->errors.size(), 1u);
}

TEST(IpLookup, RoutesByFile) {
  char path[] = "/tmp/fulcrum_routes_XXXXXX";
  const int fd = mkstemp(path);
  const char text[] =
      "10.0.0.0/8 via 10.1.1.1 dev eth1 lladdr 06:00:00:00:00:01\n"
      "10.2.0.0/16 via 10.1.1.2 dev eth2\n"
      "2001:db8::/32 via fe80::1 dev eth2 lladdr 06:00:00:00:00:03\n";
  ASSERT_EQ(write(fd, text, sizeof text - 1), static_cast<ssize_t>(sizeof text - 1));
  close(fd);
  for (bool macs_known : {true, false}) {
    TestSetup setup;
    setup.macs_known = macs_known;
    IpLookup element;
    const std::vector<Arg> args{{"FIB", path, true, {1, 1}}};
    ASSERT_TRUE(element.configure(args, setup).empty());
    EXPECT_EQ(element.inline_op(), InlineOp::kNone);
    Frames f;
    f.add("10.9.9.9", 60, FULCRUM_META_VLAN);
    f.add("10.2.3.4");
    f.add("11.0.0.1");
    f.add("2001:db8::9");
    f.add("2001:db9::9");
    EXPECT_EQ(routed_of(element, f), Mask{0b01011});
    EXPECT_EQ(f.b.out_port[0], 1);
    EXPECT_EQ(f.b.out_port[1], 2);
    EXPECT_EQ(f.b.l2[0].valid, 3u);
    EXPECT_EQ(f.b.l2[0].dst[5], 1);
    EXPECT_EQ(f.b.l2[0].src[5], macs_known ? 1 : 0xd0) << "else the old destination";
    EXPECT_EQ(f.b.l2[1].valid, 0u) << "no lladdr: addresses stay";
    EXPECT_EQ(f.b.l2[3].dst[5], 3);
  }
  unlink(path);
}

TEST(IpLookup, LoadsAnotherFileAsAWhole) {
  const std::string folder = ::testing::TempDir() + "fulcrum_route_load_" + std::to_string(getpid()) + "_";
  const auto file = [&](const char* name, const char* text) {
    std::ofstream(folder + name) << text;
    return Arg{"", folder + name, true, {}};
  };
  Arg first = file("a", "10.0.0.0/8 via 10.1.1.1 dev eth1 lladdr 06:00:00:00:00:01\n");
  first.keyword = "FIB";
  TestSetup setup;
  IpLookup element;
  ASSERT_TRUE(element.configure({&first, 1}, setup).empty());
  const auto routed = [&] {
    Frames f;
    f.add("10.9.9.9"), f.add("11.0.0.1");
    return routed_of(element, f);
  };
  EXPECT_EQ(routed(), Mask{0b01});
  const Arg bad = file("b", "11.0.0.0/8 via 10.1.1.1 dev eth1\n11.0.0.0/8 via nobody dev eth1\n");
  const auto refused = element.write("load", {&bad, 1}, setup);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("b:2:"), std::string::npos) << refused.error().text;
  EXPECT_EQ(routed(), Mask{0b01});
  const Arg good = file("c", "11.0.0.0/8 via 10.1.1.1 dev eth2 lladdr 06:00:00:00:00:02\n");
  const auto change = element.write("load", {&good, 1}, setup);
  ASSERT_TRUE(change);
  EXPECT_EQ(routed(), Mask{0b01}) << "not before it is made";
  (*change)();
  EXPECT_EQ(routed(), Mask{0b10});
  for (const char* name : {"a", "b", "c"}) std::remove((folder + name).c_str());
}

TEST(IpLookup, RefusesWrongArguments) {
  TestSetup setup;
  const auto errors = [&](std::vector<Arg> args) { return IpLookup().configure(args, setup); };
  EXPECT_EQ(errors({}).size(), 1u);
  EXPECT_EQ(errors({{"FIB", "kernel", false, {}}}).size(), 1u) << "no kernel routes here";
  EXPECT_EQ(errors({{"FUB", "kernel", false, {}}}).size(), 1u);
  EXPECT_EQ(errors({{"FIB", "", true, {}}}).size(), 1u);
  EXPECT_EQ(errors({{"FIB", "/nonexistent", true, {}}}).size(), 1u);
  EXPECT_EQ(errors({{"FIB", "/a", true, {}}, {"FIB", "/b", true, {}}}).size(), 1u);
}

class KernelFib : public ::testing::Test {
 protected:
  void SetUp() override {
    auto s = std::make_shared<RouteSnapshot>();
    s->next_hops = {hop(RouteKind::kUnicast, 11, "192.168.1.2"), hop(RouteKind::kUnicast, 12, nullptr),
                    hop(RouteKind::kLocal, 1, nullptr),          hop(RouteKind::kOther, 0, nullptr),
                    hop(RouteKind::kUnicast, 99, "192.168.1.2"), hop(RouteKind::kUnicast, 11, "fe80::2")};
    s->routes = {route_to("0.0.0.0", 0, 0),     route_to("10.2.0.0", 16, 1),    route_to("10.2.0.1", 32, 2),
                 route_to("10.3.0.0", 16, 3),   route_to("10.4.0.0", 16, 4),    route_to("10.5.0.0", 16, 5),
                 route_to("2001:db8::", 32, 5), route_to("2001:db8:2::", 48, 1)};
    feed_.routes.publish(s);
    setup_.feed = &feed_;
    const std::vector<Arg> args{{"FIB", "kernel", false, {1, 1}}};
    ASSERT_TRUE(element_.configure(args, setup_).empty());
    know({neighbour("192.168.1.2", 11, 0x22), neighbour("10.2.0.7", 12, 0x77), neighbour("fe80::2", 11, 0x66),
          neighbour("2001:db8:2::7", 12, 0x67), neighbour("10.2.0.8", 11, 0x88)});
  }
  void know(NeighbourSnapshot all) {
    feed_.neighbours.publish(std::make_shared<NeighbourSnapshot>(std::move(all)));
    feed_.changed();
  }
  bool routed(const char* to, unsigned total_bytes = 60, std::uint8_t flags = 0, const char* from = nullptr) {
    frames_.b.count = 0;
    frames_.add(to, total_bytes, flags, from);
    return routed_of(element_, frames_);
  }
  Feed feed_;
  TestSetup setup_;
  IpLookup element_;
  Frames frames_;
};

TEST_F(KernelFib, DecidesLikeTheKernel) {
  EXPECT_EQ(element_.inline_op(), InlineOp::kRouteKernel);
  EXPECT_TRUE(routed("8.8.8.8"));
  EXPECT_EQ(frames_.b.out_port[0], 1);
  EXPECT_EQ(frames_.b.l2[0].dst[5], 0x22);
  EXPECT_EQ(frames_.b.l2[0].src[5], 1);
  EXPECT_EQ(frames_.b.l2[0].valid, 3u);
  EXPECT_TRUE(routed("10.2.0.7")) << "on link";
  EXPECT_EQ(frames_.b.out_port[0], 2);
  EXPECT_EQ(frames_.b.l2[0].dst[5], 0x77);
  EXPECT_EQ(frames_.b.l2[0].src[5], 2);
  EXPECT_TRUE(routed("10.5.0.1")) << "IPv4 by an IPv6 gateway";
  EXPECT_EQ(frames_.b.l2[0].dst[5], 0x66);
  EXPECT_TRUE(routed("2001:db8::5"));
  EXPECT_TRUE(routed("2001:db8:2::7"));
  EXPECT_EQ(frames_.b.l2[0].dst[5], 0x67);

  EXPECT_FALSE(routed("10.2.0.1")) << "local";
  EXPECT_FALSE(routed("10.3.0.1")) << "blackhole";
  EXPECT_FALSE(routed("10.4.0.1")) << "no Fulcrum port";
  EXPECT_FALSE(routed("10.2.0.9")) << "unknown neighbour";
  EXPECT_FALSE(routed("10.2.0.8")) << "neighbour on another link";
  EXPECT_FALSE(routed("2001:db9::1")) << "no route";
  EXPECT_TRUE(routed("8.8.8.8", 1500));
  EXPECT_FALSE(routed("8.8.8.8", 1501)) << "longer than the MTU";
  EXPECT_TRUE(routed("2001:db8::5", 1500));
  EXPECT_FALSE(routed("2001:db8::5", 1501));
  EXPECT_FALSE(routed("8.8.8.8", 60, FULCRUM_META_VLAN));
  EXPECT_FALSE(routed("2001:db8::5", 60, 0, "fe80::1")) << "link-local is never forwarded";
}

TEST_F(KernelFib, NeighbourChangesLeaveTheLookupTable) {
  const std::uint64_t version = element_.table().version;
  EXPECT_FALSE(routed("10.2.0.9"));
  know({neighbour("10.2.0.9", 12, 0x99)});
  EXPECT_TRUE(routed("10.2.0.9"));
  EXPECT_FALSE(routed("8.8.8.8")) << "its gateway is gone";
  EXPECT_EQ(element_.table().version, version);
}

TEST_F(KernelFib, PortsThatLaterElementsAdd) {
  TestSetup setup;
  setup.feed = &feed_;
  setup.ports_known = false;
  IpLookup element;
  const std::vector<Arg> args{{"FIB", "kernel", false, {1, 1}}};
  ASSERT_TRUE(element.configure(args, setup).empty());
  frames_.b.count = 0;
  frames_.add("8.8.8.8");
  EXPECT_EQ(routed_of(element, frames_), 0u);
  setup.ports_known = true;
  feed_.changed();
  EXPECT_EQ(routed_of(element, frames_), 1u);
}

// Results of a task that ran on an old version, or on one long gone, still name
// the right next hops.
TEST_F(KernelFib, ResultsOfOlderVersions) {
  frames_.b.count = 0;
  frames_.add("8.8.8.8");
  for (unsigned changes : {0u, 1u, 3u, 20u}) {
    const testing::OffloadRun old(element_, frames_.b, 1);
    for (unsigned i = 0; i < changes; ++i) {
      auto s = std::make_shared<RouteSnapshot>(*feed_.routes.load().first);
      std::rotate(s->next_hops.begin(), s->next_hops.begin() + 1, s->next_hops.end());
      for (RouteEntry& r : s->routes) r.next_hop = (r.next_hop + 5) % 6;
      feed_.routes.publish(s);
      feed_.changed();
      element_.table();
    }
    Mask out[2] = {};
    element_.finish(frames_.b, 1, old.results(), out);
    EXPECT_EQ(out[0], 1u) << changes;
    EXPECT_EQ(frames_.b.out_port[0], 1) << changes;
    EXPECT_EQ(frames_.b.l2[0].dst[5], 0x22) << changes;
  }
  const std::uint32_t wrong = 0x3fffff;
  Mask out[2] = {};
  element_.finish(frames_.b, 1, {{1}, reinterpret_cast<const std::uint8_t*>(&wrong), 4}, out);
  EXPECT_EQ(out[0], 1u) << "a result that no version knows is looked up again";
}

}  // namespace
}  // namespace fulcrum::route
