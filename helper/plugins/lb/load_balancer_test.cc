// SPDX-License-Identifier: MIT
// load_balancer_test.cc - flows keep their backends through changes of backends and of the pipeline.
#include "plugins/lb/load_balancer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "pipeline/testing.h"

extern "C" const fulcrum::PluginInfo fulcrum_plugin_lb;

namespace fulcrum::lb {
namespace {

using namespace fulcrum::testing;

constexpr std::uint64_t kSecond = 1000000000;
constexpr std::uint8_t kAck = 0x10, kPush = 0x18;

// Ethernet + IPv4 + TCP 198.51.100.1:port -> 203.0.113.10:80.
Bytes tcp4(std::uint16_t port, std::uint8_t flags, std::size_t payload_bytes = 10) {
  Bytes f = udp4(12 + payload_bytes);
  const std::uint8_t addresses[8] = {198, 51, 100, 1, 203, 0, 113, 10};
  std::copy(addresses, addresses + 8, f.begin() + 26);
  f[23] = 6;
  put16(f, 34, port), put16(f, 36, 80);
  f[46] = 0x50, f[47] = flags;
  fix_checksum(f);
  return f;
}

std::string config(const std::string& backends, const std::string& more = "") {
  return "require(lb); FromPort(x) -> lb :: LoadBalancer(VIP 203.0.113.10, PROTO tcp, PORT 80, SOURCE 10.0.0.1, " +
         backends + more + ") -> ToPort(y);";
}
const std::string kThree = "BACKEND 10.0.0.2, BACKEND 10.0.0.3, BACKEND 10.0.0.4";

// A pipeline, perhaps in the place of another one.
struct Rig {
  explicit Rig(const std::string& text, Rig* before = nullptr)
      : setup("/test/test.click", OfflineSetup::KernelRoutes::kEmpty) {
    static_cast<void>(static_cast<bool>(setup.port("x")));
    if (before) setup.inherit(before->setup);
    EXPECT_TRUE(static_cast<bool>(registry.add(fulcrum_plugin_lb)));
    const Config parsed = parse_config("test.click", text, diag);
    if (diag.ok()) graph = Graph::build(parsed, registry, setup, diag);
    if (graph && before) graph->adopt(*before->graph);
  }
  // Last byte of the backend's address, 0: not balanced. One flow each.
  std::vector<unsigned> send(const std::vector<Bytes>& frames, std::uint64_t now_ns) {
    std::vector<unsigned> to;
    for (std::size_t at = 0; at < frames.size(); at += kBatchSize) {
      TestBatch t({frames.begin() + static_cast<std::ptrdiff_t>(at),
                   frames.begin() + static_cast<std::ptrdiff_t>(std::min(frames.size(), at + kBatchSize))});
      t.batch.now_ns = now_ns;
      static Walk walk;
      EXPECT_TRUE(graph->start(walk, t.batch));
      EXPECT_EQ(graph->advance(walk, t.batch, false), Step::kDone);
      for (unsigned i = 0; i < t.batch.count; ++i)
        to.push_back(t.batch.verdict[i] == Verdict::kTx ? t.batch.data[i][14 + 19] : 0);
    }
    return to;
  }
  std::vector<unsigned> flows(unsigned count, std::uint8_t flags, std::uint64_t now_ns, unsigned first_port = 1000) {
    std::vector<Bytes> frames;
    for (unsigned n = 0; n < count; ++n) frames.push_back(tcp4(static_cast<std::uint16_t>(first_port + n), flags));
    return send(frames, now_ns);
  }
  Element& lb() { return *graph->element("lb"); }
  // Empty: done.
  std::string call(const char* handler, const std::string& text) {
    const Arg arg{"", text, false, {}};
    auto change = lb().write(handler, {&arg, 1}, setup);
    if (!change) return change.error().text;
    if (*change) (*change)();
    return "";
  }
  std::string backends() {
    Element* self = &lb();
    return *lb().read("backends", {}, {&self, 1});
  }
  std::uint64_t counter(const std::string& name) {
    for (const CounterValue& c : lb().counters())
      if (name == c.name) return c.value;
    return ~std::uint64_t{0};
  }

  OfflineSetup setup;
  Registry registry;
  Diagnostics diag;
  std::unique_ptr<Graph> graph;
};

TEST(LoadBalancer, SpreadsFlowsAndKeepsThem) {
  Rig rig(config(kThree));
  ASSERT_TRUE(rig.graph);
  const auto first = rig.flows(600, kTcpSyn, kSecond);
  std::map<unsigned, unsigned> share;
  for (unsigned to : first) ++share[to];
  EXPECT_EQ(share.size(), 3u);
  for (const auto& [to, count] : share) EXPECT_GT(count, 140u) << to;
  EXPECT_EQ(rig.flows(600, kAck, 2 * kSecond), first);
  EXPECT_EQ(rig.counter("new_flows"), 600u);
}

TEST(LoadBalancer, KnownFlowsStayWhenABackendComes) {
  Rig rig(config(kThree));
  ASSERT_TRUE(rig.graph);
  const auto first = rig.flows(600, kTcpSyn, kSecond);
  EXPECT_EQ(rig.call("add", "10.0.0.5 weight 2"), "");
  EXPECT_EQ(rig.flows(600, kAck, 2 * kSecond), first);
  const auto fresh = rig.flows(600, kTcpSyn, 2 * kSecond, 5000);
  EXPECT_NEAR(static_cast<double>(std::count(fresh.begin(), fresh.end(), 5u)), 240, 60);
}

TEST(LoadBalancer, KnownFlowsStayWhileTheirBackendIsDrained) {
  Rig rig(config(kThree));
  ASSERT_TRUE(rig.graph);
  const auto first = rig.flows(600, kTcpSyn, kSecond);
  EXPECT_EQ(rig.call("remove", "10.0.0.3"), "");
  EXPECT_EQ(rig.flows(600, kAck, 2 * kSecond), first);
  const auto fresh = rig.flows(600, kTcpSyn, 2 * kSecond, 5000);
  EXPECT_EQ(std::count(fresh.begin(), fresh.end(), 3u), 0);
  EXPECT_NE(rig.backends().find("10.0.0.3 draining weight 1 flows "), std::string::npos) << rig.backends();
  // All have ended: nothing is left of it.
  rig.flows(600, kTcpRst, 3 * kSecond);
  for (unsigned batch = 0; batch < 65536 / 8 / 2; ++batch) rig.flows(1, kTcpSyn, 60 * kSecond, 9000);
  EXPECT_NE(rig.backends().find("10.0.0.3 drained weight 1 flows 0"), std::string::npos) << rig.backends();
  EXPECT_EQ(rig.call("weight", "10.0.0.4 2"), "");
  EXPECT_EQ(rig.backends().find("10.0.0.3 "), std::string::npos);
}

// "Fragmentation needed" about what the VIP sent from port 80 to 198.51.100.1:port.
Bytes icmp_error(std::uint16_t port) {
  Bytes f(14 + 20 + 8 + 28, 0);
  const Bytes head = tcp4(port, kAck);
  std::copy(head.begin(), head.begin() + 34, f.begin());
  f[23] = 1, f[26] = 192, f[27] = 0, f[28] = 2, f[29] = 9;
  put16(f, 16, static_cast<unsigned>(f.size() - 14));
  fix_checksum(f);
  f[34] = 3, f[35] = 4;
  std::copy(head.begin() + 14, head.begin() + 42, f.begin() + 42);
  std::swap_ranges(f.begin() + 42 + 12, f.begin() + 42 + 16, f.begin() + 42 + 16);
  put16(f, 62, 80), put16(f, 64, port);
  return f;
}

// First fragment of a segment, and the next.
std::vector<Bytes> fragments(std::uint16_t port, std::uint16_t id) {
  Bytes first = tcp4(port, kAck, 28), next(first.begin(), first.begin() + 34 + 16);
  put16(first, 18, id), put16(first, 20, 0x2000), fix_checksum(first);
  put16(next, 16, 36), put16(next, 18, id), put16(next, 20, 6), fix_checksum(next);
  return {first, next};
}

TEST(LoadBalancer, IcmpErrorsAndFragmentsGoWhereAffinityHasTheFlow) {
  Rig rig(config(kThree));
  ASSERT_TRUE(rig.graph);
  const auto first = rig.flows(100, kTcpSyn, kSecond);
  EXPECT_EQ(rig.call("remove", "10.0.0.3"), "");
  EXPECT_EQ(rig.call("add", "10.0.0.5 weight 9"), "");
  unsigned drained = 0;
  for (std::uint16_t n = 0; n < 100; ++n) {
    const std::vector<Bytes> parts = fragments(static_cast<std::uint16_t>(1000 + n), n);
    EXPECT_EQ(rig.send({icmp_error(static_cast<std::uint16_t>(1000 + n)), parts[0], parts[1]}, 2 * kSecond),
              std::vector<unsigned>(3, first[n]))
        << n;
    drained += first[n] == 3;
  }
  EXPECT_GT(drained, 10u);
  EXPECT_EQ(rig.counter("icmp_errors"), 100u);
  EXPECT_EQ(rig.counter("fragments"), 200u);
  EXPECT_EQ(rig.counter("new_flows"), 100u);
}

// Two workers of one pipeline: one asks the other's table.
TEST(LoadBalancer, AnotherWorkersFlowsAreFound) {
  struct SecondWorker final : Setup {
    explicit SecondWorker(OfflineSetup& first) : first_(first) { set_element("lb"); }
    Result<std::uint16_t> port(std::string_view name) override { return first_.port(name); }
    std::uint16_t port_by_ifindex(std::uint32_t) const override { return kNoPort; }
    bool port_mac(std::uint16_t, std::uint8_t*) const override { return false; }
    Reason reason(std::string_view name) override { return first_.reason(name); }
    unsigned worker() const override { return 1; }
    RouteFeed* kernel_routes() override { return nullptr; }
    std::shared_ptr<void> shared(const std::string& key, const std::function<std::shared_ptr<void>()>& make) override {
      return first_.shared(key, make);
    }
    std::string resolve_path(std::string_view path) const override { return std::string(path); }
    OfflineSetup& first_;
  };
  Rig rig(config("BACKEND 10.0.0.2"));
  ASSERT_TRUE(rig.graph);
  rig.flows(10, kTcpSyn, kSecond);
  SecondWorker setup(rig.setup);
  LoadBalancer other;
  const Arg same[] = {
      {"VIP", "203.0.113.10", false, {}}, {"BACKEND", "10.0.0.2", false, {}}, {"SOURCE", "10.0.0.1", false, {}}};
  ASSERT_TRUE(other.configure(same, setup).empty());
  EXPECT_TRUE(static_cast<bool>(other.write("remove", {}, setup))) << "the first worker's change serves all";
  EXPECT_EQ(rig.call("remove", "10.0.0.2"), "");
  EXPECT_EQ(rig.call("add", "10.0.0.9"), "");
  const std::vector<Bytes> parts = fragments(1003, 7);
  TestBatch t({icmp_error(1003), parts[0], parts[1], tcp4(5000, kTcpSyn)});
  t.batch.now_ns = 2 * kSecond;
  Mask out[4] = {};
  other.process(t.batch, 15, out);
  ASSERT_EQ(out[0], 15u);
  for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(t.batch.data[i][14 + 19], 2) << i;
  EXPECT_EQ(t.batch.data[3][14 + 19], 9);
}

TEST(LoadBalancer, RemoveNowMovesOnlyItsOwnFlows) {
  Rig rig(config(kThree));
  ASSERT_TRUE(rig.graph);
  const auto first = rig.flows(600, kTcpSyn, kSecond);
  EXPECT_EQ(rig.call("remove", "10.0.0.3 now"), "");
  const auto then = rig.flows(600, kAck, 2 * kSecond);
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (first[i] == 3) {
      EXPECT_TRUE(then[i] == 2 || then[i] == 4) << then[i];
    } else {
      EXPECT_EQ(then[i], first[i]);
    }
  }
}

TEST(LoadBalancer, RefusesChangesThatMakeNoSense) {
  Rig rig(config(kThree));
  ASSERT_TRUE(rig.graph);
  EXPECT_NE(rig.call("add", "10.0.0.2").find("already"), std::string::npos);
  EXPECT_NE(rig.call("add", "fd00::2").find("SOURCE"), std::string::npos);
  EXPECT_NE(rig.call("remove", "10.0.0.9").find("no backend"), std::string::npos);
  EXPECT_NE(rig.call("remove", "10.0.0.2 later").find("now"), std::string::npos);
  EXPECT_NE(rig.call("weight", "10.0.0.2 99999").find("10000"), std::string::npos);
  EXPECT_NE(rig.call("weight", "ten 9").find("address"), std::string::npos);
  EXPECT_NE(rig.call("paint", "red"), "");
}

TEST(LoadBalancer, NoBackendLeft) {
  Rig rig(config("BACKEND 10.0.0.2"));
  ASSERT_TRUE(rig.graph);
  EXPECT_EQ(rig.call("remove", "10.0.0.2 now"), "");
  EXPECT_EQ(rig.flows(10, kTcpSyn, kSecond), std::vector<unsigned>(10, 0));
  EXPECT_EQ(rig.counter("no_backend"), 10u);
  EXPECT_EQ(rig.call("add", "10.0.0.7"), "");
  EXPECT_EQ(rig.flows(10, kTcpSyn, kSecond), std::vector<unsigned>(10, 7));
}

TEST(LoadBalancer, TimesOutByState) {
  Rig rig(config(kThree, ", IDLE 100s, OPENING 20s, CLOSING 5s"));
  ASSERT_TRUE(rig.graph);
  const auto new_flows = [&](std::uint8_t flags, std::uint64_t at) {
    const std::uint64_t before = rig.counter("new_flows");
    rig.flows(1, flags, at * kSecond);
    return rig.counter("new_flows") - before;
  };
  EXPECT_EQ(new_flows(kTcpSyn, 10), 1u);
  EXPECT_EQ(new_flows(kTcpSyn, 29), 0u) << "repeated";
  EXPECT_EQ(new_flows(kTcpSyn, 50), 1u) << "21 s, opening";
  EXPECT_EQ(new_flows(kAck, 51), 0u);
  EXPECT_EQ(new_flows(kPush, 150), 0u) << "99 s, open";
  EXPECT_EQ(new_flows(kAck | kTcpFin, 151), 0u);
  EXPECT_EQ(new_flows(kAck, 155), 0u) << "4 s, closing";
  EXPECT_EQ(new_flows(kTcpSyn, 156), 1u) << "a new connection from the same port";
  EXPECT_EQ(new_flows(kAck | kTcpFin, 157), 0u);
  EXPECT_EQ(new_flows(kAck, 163), 1u) << "6 s, closing";
}

TEST(LoadBalancer, FlowsOutliveAChangeOfPipeline) {
  Rig before(config(kThree));
  ASSERT_TRUE(before.graph);
  const auto first = before.flows(600, kTcpSyn, kSecond);
  EXPECT_EQ(before.call("add", "10.0.0.9"), "");
  const auto with_nine = before.flows(600, kTcpSyn, kSecond, 5000);
  // Other order, one gone, one new, nine not named; then another capacity.
  Rig after(config("BACKEND 10.0.0.7, BACKEND 10.0.0.4, BACKEND 10.0.0.2"), &before);
  ASSERT_TRUE(after.graph);
  EXPECT_EQ(after.flows(600, kAck, 2 * kSecond), first);
  EXPECT_EQ(after.flows(600, kAck, 2 * kSecond, 5000), with_nine);
  EXPECT_EQ(before.flows(600, kAck, 2 * kSecond), first) << "the old pipeline finishes what it has";
  Rig larger(config("BACKEND 10.0.0.8", ", FLOWS 200000"), &after);
  ASSERT_TRUE(larger.graph);
  EXPECT_EQ(larger.flows(600, kAck, 3 * kSecond), first);
  EXPECT_EQ(larger.flows(600, kAck, 3 * kSecond, 5000), with_nine);
  EXPECT_EQ(larger.flows(100, kTcpSyn, 3 * kSecond, 7000), std::vector<unsigned>(100, 8));
  EXPECT_EQ(larger.counter("new_flows"), 100u);
}

TEST(LoadBalancer, AnotherServiceInheritsNothing) {
  Rig before(config(kThree));
  ASSERT_TRUE(before.graph);
  before.flows(10, kTcpSyn, kSecond);
  std::string other = config("BACKEND 10.0.0.8");
  other.replace(other.find("203.0.113.10"), 12, "203.0.113.11");
  Rig after(other, &before);
  ASSERT_TRUE(after.graph);
  EXPECT_EQ(after.backends(), "10.0.0.8 active weight 1 flows 0 packets 0 bytes 0\n");
}

TEST(LoadBalancer, BackendsComeAndGoForever) {
  Rig rig(config("BACKEND 10.0.0.2", ", TABLE 251"));
  ASSERT_TRUE(rig.graph);
  for (unsigned n = 0; n < 3 * kMaxBackends; ++n) {
    const std::string address = "10.1." + std::to_string(n / 250) + "." + std::to_string(n % 250);
    ASSERT_EQ(rig.call("add", address), "") << n;
    rig.flows(1, kTcpSyn, kSecond, n);
    ASSERT_EQ(rig.call("remove", address + " now"), "") << n;
    rig.flows(1, kTcpSyn, kSecond, n);
  }
  const std::string text = rig.backends();
  EXPECT_EQ(text.find("10.1."), std::string::npos) << text;
}

TEST(LoadBalancer, TooBigIsUnchanged) {
  Rig rig(config(kThree, ", MTU 576"));
  ASSERT_TRUE(rig.graph);
  const Bytes fits = tcp4(1, kAck, 576 - 20 - 40), too_big = tcp4(2, kAck, 576 - 20 - 39);
  TestBatch t({fits, too_big});
  static Walk walk;
  ASSERT_TRUE(rig.graph->start(walk, t.batch));
  ASSERT_EQ(rig.graph->advance(walk, t.batch, false), Step::kDone);
  EXPECT_EQ(t.batch.verdict[0], Verdict::kTx);
  EXPECT_EQ(t.batch.len[0], 14u + 576);
  EXPECT_EQ(t.batch.verdict[1], Verdict::kDrop);
  EXPECT_EQ(rig.setup.reasons().name(t.batch.reason[1]), "lb_too_big");
  EXPECT_EQ(t.frame(1), too_big);
}

TEST(LoadBalancer, ReportsAllBadArguments) {
  Rig rig(
      "FromPort(x) -> LoadBalancer(VIP 10.0.0, PROTO sctp, PORT 0, BACKEND \"10.0.0.2 weight\", BACKEND 10.0.0.3, "
      "TABLE 65536, FLOWS 1, IDLE 5, MODE nat, FOO 1) -> ToPort(y);");
  EXPECT_FALSE(rig.graph);
  EXPECT_EQ(rig.diag.count(), 10u) << rig.diag.text();
}

}  // namespace
}  // namespace fulcrum::lb
