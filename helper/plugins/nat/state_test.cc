// SPDX-License-Identifier: MIT
// state_test.cc - NAT44's table over a change of pipeline, by its handlers, and with many threads at it.
#include <cstdlib>
#include <random>
#include <thread>

#include "nat_testing.h"

namespace fulcrum::nat {
namespace {

const Endpoint kHost = at("10.0.0.1:5000"), kOther = at("10.0.0.2:6000"), kRemote = at("198.51.100.7:53");
const std::string kOne = "EXTERNAL 203.0.113.1";

TEST(Nat44State, SameArgumentsKeepTheTable) {
  Lab before(kOne);
  const Endpoint seen = source(before.out(tcp(kHost, kRemote, kSyn)));
  Lab after(kOne + ", TIMEOUT udp 10s", &before);
  EXPECT_EQ(after.element().table(), before.element().table());
  EXPECT_FALSE(after.in(tcp(kRemote, seen, kSyn | kAck)).empty());
  EXPECT_FALSE(before.out(tcp(kHost, kRemote, kAck)).empty()) << "the old pipeline still drains";
}

TEST(Nat44State, MappingsThatFitAreCopied) {
  Lab before("EXTERNAL 203.0.113.1-203.0.113.2");
  std::vector<std::pair<Endpoint, Endpoint>> ends;
  for (std::uint16_t i = 0; i < 200; ++i) {
    const Endpoint inside{kHost.addr + i, static_cast<std::uint16_t>(3000 + i)};
    ends.emplace_back(inside, source(before.out(i % 2 ? tcp(inside, kRemote, kSyn) : udp(inside, kRemote))));
  }
  Lab after(kOne + ", PORTS 1024-3150", &before);
  unsigned kept = 0;
  for (const auto& [inside, outside] : ends) {
    const bool fits = outside.addr == addr("203.0.113.1") && outside.port <= 3150;
    const Bytes in = after.in(inside.port % 2 ? tcp(kRemote, outside, kAck) : udp(kRemote, outside));
    EXPECT_EQ(!in.empty(), fits) << text(inside) << " " << text(outside) << " " << after.why;
    EXPECT_TRUE(!fits || destination(in) == inside);
    kept += fits;
  }
  EXPECT_GT(kept, 30u);
  EXPECT_LT(kept, 170u);
  after.wait(241);
  EXPECT_TRUE(after.in(tcp(kRemote, ends[1].second, kAck)).empty()) << "with the time that they had left";
}

TEST(Nat44State, AForwardWinsOverACopy) {
  Lab before(kOne);
  before.out(udp(kHost, kRemote));
  Lab after(kOne + ", FORWARD udp 203.0.113.1:5000 10.0.0.9:53", &before);
  EXPECT_EQ(text(destination(after.in(udp(kRemote, at("203.0.113.1:5000"))))), "10.0.0.9:53");
  EXPECT_NE(source(after.out(udp(kHost, kRemote))).port, 5000) << "mapped anew";
}

Result<std::string> ask(Lab& lab, const char* handler, std::vector<Arg> args = {}) {
  return lab.element().read(handler, args, {});
}
bool tell(Lab& lab, const char* handler, const std::string& words) {
  std::vector<Arg> args;
  if (!words.empty()) args.push_back({"", words});
  Result<Element::Change> change = lab.element().write(handler, args, lab.p->setup);
  if (change && *change) (*change)();
  return static_cast<bool>(change);
}

TEST(Nat44State, HandlersTellAndChange) {
  Lab lab(kOne + ", FORWARD tcp 203.0.113.1:80 10.0.0.9:8080");
  const Endpoint seen = source(lab.out(udp(kHost, kRemote)));
  lab.in(udp(kRemote, seen));
  lab.out(udp(kOther, kRemote));
  lab.wait(10);
  lab.in(udp(kRemote, {seen.addr, 1}));
  const std::string all = *ask(lab, "mappings");
  EXPECT_NE(
      all.find(
          "udp inside 10.0.0.1:5000 outside 203.0.113.1:5000 remote 198.51.100.7:53 age 10s idle 10s out 1 in 1\n"),
      all.npos)
      << all;
  EXPECT_NE(all.find("tcp inside 10.0.0.9:8080 outside 203.0.113.1:80 remote - forward out 0 in 0\n"), all.npos) << all;
  EXPECT_NE(ask(lab, "mappings", {{"", "1"}})->find("and 2 more"), all.npos);
  EXPECT_FALSE(ask(lab, "mappings", {{"", "none"}}));
  EXPECT_FALSE(ask(lab, "mapping"));
  EXPECT_NE(
      ask(lab, "stats")->find("mappings 3 of 65536\nsessions 2 of 131072\nports of 203.0.113.1 udp 2 tcp 1 icmp 0\n"),
      all.npos)
      << *ask(lab, "stats");
  EXPECT_TRUE(tell(lab, "flush", "10.0.0.1"));
  EXPECT_TRUE(lab.in(udp(kRemote, seen)).empty());
  EXPECT_FALSE(lab.in(udp(kRemote, at("203.0.113.1:6000"))).empty()) << "another host's stays";
  EXPECT_TRUE(tell(lab, "flush", ""));
  EXPECT_TRUE(lab.in(udp(kRemote, at("203.0.113.1:6000"))).empty());
  EXPECT_FALSE(lab.in(tcp(kRemote, at("203.0.113.1:80"), kSyn)).empty()) << "a FORWARD stays";
  EXPECT_EQ(source(lab.out(udp(kHost, kRemote))), seen) << "and may come again";
  EXPECT_FALSE(tell(lab, "flush", "10.0.0"));
  EXPECT_TRUE(tell(lab, "timeout", "udp 30s"));
  lab.wait(31);
  EXPECT_TRUE(lab.in(udp(kRemote, seen)).empty());
  for (const char* bad : {"udp", "udp 0s", "udp 30", "sctp 30s", "udp 30s more"})
    EXPECT_FALSE(tell(lab, "timeout", bad)) << bad;
}

TEST(Nat44State, BadArgumentsAreRefusedWithWhatIsValid) {
  const std::pair<const char*, const char*> rows[] = {
      {"", "nothing to translate to"},
      {"EXTERNAL 203.0.113", "EXTERNAL: "},
      {"EXTERNAL 10.0.0.0/8", "more than 256"},
      {"EXTERNAL 203.0.113.9-203.0.113.1", "smaller address stands first"},
      {"EXTERNAL 224.0.0.1", "unicast"},
      {"EXTERNAL 203.0.113.1, PORTS 0-9", "1 to 65535"},
      {"EXTERNAL 203.0.113.1, FILTERING none", "endpoint-independent"},
      {"EXTERNAL 203.0.113.1, TIMEOUT udp", "no timeout"},
      {"EXTERNAL 203.0.113.1, ENTRIES 3", "16 to"},
      {"EXTERNAL 203.0.113.1, FORWARD sctp 203.0.113.1:1 10.0.0.1:1", "tcp or udp"},
      {"EXTERNAL 203.0.113.1, FORWARD tcp 203.0.113.1 10.0.0.1:1", "has no port"},
      {"EXTERNAL 203.0.113.1, FORWARD tcp 203.0.113.1:1-3 10.0.0.1:1", "same length"},
      {"FORWARD tcp 203.0.113.1:1 10.0.0.1:1, FORWARD tcp 203.0.113.1:1 10.0.0.1:2", "another FORWARD"},
      {"FORWARD tcp 203.0.113.1:1 203.0.113.1:2", "an external address itself"},
      {"EXTERNAL 203.0.113.1, COLOUR red", "unknown keyword"},
  };
  for (const auto& [args, said] : rows) {
    try {
      Lab lab(args);
      ADD_FAILURE() << args << " was taken";
    } catch (const std::runtime_error& e) {
      EXPECT_NE(std::string(e.what()).find(said), std::string::npos) << args << ": " << e.what();
    }
  }
}

// Frames cut and spoilt anywhere, whole batches at both inputs: refused ones stay as they came, and all have a verdict.
TEST(Nat44State, HostileFrames) {
  const char* given = std::getenv("FULCRUM_TEST_SEED");
  const auto seed = static_cast<std::uint32_t>(given ? std::strtoul(given, nullptr, 10) : std::random_device{}());
  std::printf("FULCRUM_TEST_SEED=%u\n", seed);
  std::mt19937 random(seed);
  Lab lab(kOne + ", FILTERING endpoint-independent, ENTRIES 64, FRAGMENTS 16");
  std::vector<Bytes> whole{udp(kHost, kRemote), tcp(kOther, kRemote, kSyn, 9), echo(kHost.addr, kRemote.addr, 8, 5)};
  for (int i = 0; i < 3; ++i) {
    const Bytes out = lab.out(whole[static_cast<std::size_t>(i)]);
    whole.push_back(icmp_error(kRemote.addr, addr("203.0.113.1"), out, 30));
    whole.push_back(icmp_error(kHost.addr, kRemote.addr, udp(kRemote, kHost), 30));
  }
  whole.push_back(udp(kHost, at("203.0.113.1:6000")));
  whole.push_back(datagram(kUdpNumber, kHost.addr, kRemote.addr, Bytes(24, 1), 0x2000));
  whole.push_back(datagram(kUdpNumber, kHost.addr, kRemote.addr, Bytes(24, 1), 3));
  std::uint64_t sent = 0, dropped = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<Bytes> frames;
    for (int i = 0; i < 64; ++i) {
      Bytes f = whole[random() % whole.size()];
      for (unsigned spoil = random() % 3; spoil; --spoil) f[random() % f.size()] = static_cast<std::uint8_t>(random());
      if (random() % 3 == 0) f.resize(random() % (f.size() + 1));
      if (f.size() > kL4 && random() % 4 == 0)
        put16(f, kIp + 2, random() % 2 ? static_cast<unsigned>(f.size() - kIp) : random() & 63);
      frames.push_back(std::move(f));
    }
    testing::TestBatch b(frames, random() & 1);
    b.batch.now_ns = lab.now_ns += 50000000;
    ASSERT_TRUE(lab.p->run(b.batch));
    for (unsigned i = 0; i < 64; ++i) {
      const bool tx = b.batch.verdict[i] == Verdict::kTx;
      (tx ? sent : dropped) += 1;
      ASSERT_TRUE(tx || (b.batch.verdict[i] == Verdict::kDrop && b.frame(i) == frames[i] && b.batch.reason[i]));
    }
  }
  EXPECT_GT(sent, 10000u);
  EXPECT_GT(dropped, 10000u);
}

// Workers that open, answer, end and sweep at once: what one flow gets, no other has.
TEST(Nat44State, ManyThreadsAtOneTable) {
  Config config;
  Timeouts limit{};
  const Arg args[] = {
      {"EXTERNAL", "203.0.113.1-203.0.113.4"}, {"PORTS", "2000-2999"}, {"ENTRIES", "2048"}, {"SESSIONS", "4096"}};
  ASSERT_TRUE(read_config(args, config, limit).empty());
  limit.udp = 2;
  Table table(config);
  std::atomic<Tick> now{0};
  std::atomic<std::uint64_t> wrong{0}, passed{0};
  const auto work = [&](std::uint32_t me) {
    std::uint64_t random = me + 1;
    for (int i = 0; i < 200000; ++i) {
      random = fulcrum_mix(random);
      const Clock clock{now.load(), &limit};
      // Endpoints of one's own and such that all use.
      const bool own = random & 1;
      const Endpoint inside{own ? 0x0a000100 + me : 0x0a000000, static_cast<std::uint16_t>(random >> 8 & 511)};
      const Proto proto = random & 2 ? Proto::kUdp : Proto::kTcp;
      const Key key = key_of(proto, inside);
      View v, w;
      if (table.outbound({key, kRemote, kSyn}, clock, v) == Answer::kOk) {
        wrong += v.inside != key;
        const Answer back = table.inbound({v.outside, kRemote, kAck}, clock, w);
        // Others may have ended the mapping meanwhile, and its port have gone to the next one.
        View still;
        const bool stayed =
            table.error_out(key, clock, still) == Answer::kOk && still.gen == v.gen && still.index == v.index;
        if (back == Answer::kOk && stayed) {
          ++passed;
          wrong += w.inside != key;
        }
      }
      if (random % 64 == 5) table.sweep(clock, 64);
      if (random % 512 == 9) table.flush(inside.addr, clock);
      if (me == 0 && i % 1000 == 0) now.fetch_add(1);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) threads.emplace_back(work, t);
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(passed.load(), 100000u);
  const Clock later{now.load() + 1000000, &limit};
  for (int i = 0; i < 3; ++i) table.sweep(later, table.ever_used());
  EXPECT_EQ(table.used().mappings, 0u);
  EXPECT_EQ(table.used().sessions, 0u);
  for (std::uint32_t e = 0; e < 4; ++e)
    for (Proto p : {Proto::kUdp, Proto::kTcp}) EXPECT_EQ(table.ports().taken(e, p), 0u) << "no port is lost";
}

}  // namespace
}  // namespace fulcrum::nat
