// SPDX-License-Identifier: MIT
// watch_test.cc - what elements of this folder gather, against plain counting, and how it outlives a pipeline.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "pipeline/elements/watch/heavy_hitters.h"
#include "pipeline/elements/watch/print.h"
#include "pipeline/elements/watch/rate_window.h"
#include "pipeline/testing.h"
#include "port/pcap_file.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

std::string ask(TestPipeline& p, const std::string& name, const std::string& handler, const std::string& arg = "") {
  Element* e = p.graph->element(name);
  std::vector<Arg> args;
  if (!arg.empty()) args.push_back({{}, arg, false, {}});
  Element* const peers[] = {e};
  Result<std::string> answer = e->read(handler, args, peers);
  return answer ? *answer : "error: " + answer.error().text;
}

void tell(TestPipeline& p, const std::string& name, const std::string& handler) {
  Result<Element::Change> change = p.graph->element(name)->write(handler, {}, p.setup);
  ASSERT_TRUE(change);
  (*change)();
}

// A pipeline that takes the place of `before`.
struct NextPipeline : TestPipeline {
  NextPipeline(const std::string& text, TestPipeline& before) : TestPipeline("FromPort(x) -> Discard;") {
    setup.inherit(before.setup);
    diag = Diagnostics();
    graph = Graph::build(parse_config("next.click", text, diag), registry, setup, diag);
    if (graph) graph->adopt(*before.graph);
  }
};

FlowKey key_of(std::uint32_t n) {
  FlowKey k;
  k.family = 4;
  std::memcpy(k.src, &n, 4);
  return k;
}

// Zipf-like: low numbers come often.
std::uint32_t skewed(std::mt19937& random, std::uint32_t limit) {
  const double u = std::uniform_real_distribution<>(1e-9, 1)(random);
  return static_cast<std::uint32_t>(std::min<double>(limit - 1, 1 / u - 1));
}

// The promises of Space-Saving: bounds hold for each, and all above 1/capacity are there.
TEST(HeavyHitters, BoundsHoldOnASkewedStream) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (const auto weight : {HeavyHitters::Weight::kBytes, HeavyHitters::Weight::kPackets}) {
    std::mt19937 random(seed);
    constexpr std::uint32_t kCapacity = 64;
    HeavyHitters top(kCapacity, weight);
    std::map<FlowKey, std::uint64_t> truth;
    std::uint64_t whole = 0;
    for (unsigned n = 0; n < 50000; ++n) {
      const FlowKey key = key_of(skewed(random, 5000));
      const std::uint64_t bytes = 60 + random() % 1400, w = weight == HeavyHitters::Weight::kBytes ? bytes : 1;
      top.add(key, 1, bytes);
      truth[key] += w, whole += w;
    }
    std::map<FlowKey, std::uint64_t> kept;
    for (const HeavyHitters::Row& r : top.rows()) {
      const std::uint64_t counted = weight == HeavyHitters::Weight::kBytes ? r.bytes : r.packets;
      EXPECT_LE(counted, truth[r.key]);
      EXPECT_GE(counted + r.over, truth[r.key]);
      kept[r.key] = counted;
    }
    EXPECT_EQ(kept.size(), kCapacity);
    EXPECT_LE(top.lightest(), whole / kCapacity);
    for (const auto& [key, w] : truth) {
      if (kept.contains(key)) continue;
      EXPECT_LE(w, whole / kCapacity);
      EXPECT_LE(w, top.lightest());
    }
  }
}

TEST(HeavyHitters, MergeKeepsBounds) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  HeavyHitters large(64, HeavyHitters::Weight::kPackets), small(16, HeavyHitters::Weight::kPackets);
  std::map<FlowKey, std::uint64_t> truth;
  for (unsigned n = 0; n < 5000; ++n) {
    const FlowKey key = key_of(skewed(random, 50));  // fits the large one: exact
    large.add(key, 1, 100);
    ++truth[key];
  }
  small.merge(large);
  for (const HeavyHitters::Row& r : small.rows()) {
    EXPECT_LE(r.packets, truth[r.key]);
    EXPECT_GE(r.packets + r.over, truth[r.key]);
  }
  small.clear();
  EXPECT_TRUE(small.rows().empty());
  small.add(key_of(7), 1, 1);
  ASSERT_EQ(small.rows().size(), 1u);
  EXPECT_EQ(small.rows()[0].over, 0u);
}

// Every packet of a key has the same bytes: a reader that mixed two keys would see a remainder.
TEST(HeavyHitters, ReadersSeeNoMixture) {
  HeavyHitters top(16, HeavyHitters::Weight::kPackets);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    std::mt19937 random(1);
    while (!stop.load()) {
      const std::uint32_t n = random() % 200;
      top.add(key_of(n), 1, 1000 + n);
    }
  });
  unsigned wrong = 0;
  for (unsigned k = 0; k < 20000; ++k)
    for (const HeavyHitters::Row& r : top.rows()) {
      std::uint32_t n;
      std::memcpy(&n, r.key.src, 4);
      // Packets are read first and counted first: they may be one ahead of the bytes, and any number behind.
      wrong += r.key.family != 4 || n >= 200 || r.bytes % (1000 + n) || r.bytes < (r.packets - 1) * (1000 + n);
    }
  stop = true;
  writer.join();
  EXPECT_EQ(wrong, 0u);
}

Bytes from(std::uint8_t host, std::size_t payload) {
  Bytes f = testing::udp4(payload);
  f[29] = host;
  testing::fix_checksum(f);
  return f;
}

TEST(FlowTable, TellsTheHeaviestAndForgets) {
  TestPipeline p("FromPort(x) -> f :: FlowTable -> s :: FlowTable(BY source, WEIGHT packets) -> Discard;");
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch b({from(1, 10), from(2, 500), from(1, 10), testing::udp6(2), Bytes(60, 0)});
  ASSERT_TRUE(p.run(b.batch));
  EXPECT_EQ(ask(p, "f", "top"),
            "packets bytes over flow\n"
            "1 542 0 udp 10.0.0.2:1000 > 10.0.1.2:2000\n"
            "2 104 0 udp 10.0.0.1:1000 > 10.0.1.2:2000\n"
            "1 64 0 udp [2001:db8::1]:1000 > [2001:db8:1::2]:2000\n");
  EXPECT_EQ(ask(p, "s", "top", "1"), "packets bytes over flow\n2 104 0 10.0.0.1\n");
  EXPECT_EQ(ask(p, "s", "top", "0").rfind("error: ", 0), 0u);
  EXPECT_EQ(ask(p, "s", "bottom"), "error: has no such handler");
  EXPECT_EQ(p.counter("f", "counted"), 4u);
  EXPECT_EQ(p.counter("f", "other"), 1u);
  tell(p, "f", "reset");
  EXPECT_EQ(ask(p, "f", "top"), "packets bytes over flow\n");
}

TEST(FlowTable, JoinsWorkersWithTheirBounds) {
  TestPipeline a("FromPort(x) -> f :: FlowTable(WEIGHT packets, CAPACITY 16) -> Discard;");
  TestPipeline b("FromPort(x) -> f :: FlowTable(WEIGHT packets, CAPACITY 16) -> Discard;");
  TestBatch one({from(1, 10), from(1, 10)}), many({});
  for (std::uint8_t host = 10; host < 40; ++host) many.add(from(host, 10));
  ASSERT_TRUE(a.run(one.batch));
  ASSERT_TRUE(b.run(many.batch));
  Element* const peers[] = {a.graph->element("f"), b.graph->element("f")};
  const std::vector<Arg> args{{{}, "20", false, {}}};
  const std::string answer = *peers[0]->read("top", args, peers);
  // 30 keys in 16 places: the lightest weighs 1 or 2, which host 1 may have had there too.
  EXPECT_NE(answer.find("2 104 1 udp 10.0.0.1:1000"), std::string::npos) << answer;
}

TEST(FlowTable, OutlivesItsPipeline) {
  TestPipeline p("FromPort(x) -> f :: FlowTable -> Discard;");
  TestBatch b({from(1, 10), from(2, 500)});
  ASSERT_TRUE(p.run(b.batch));
  const std::string before = ask(p, "f", "top");
  NextPipeline same("FromPort(x) -> Counter -> f :: FlowTable -> Discard;", p);
  ASSERT_TRUE(same.graph) << same.diag.text();
  EXPECT_EQ(ask(same, "f", "top"), before);
  // The old one still finishes a batch: nothing of it is lost.
  TestBatch late({from(1, 10)});
  ASSERT_TRUE(p.run(late.batch));
  EXPECT_NE(ask(same, "f", "top").find("2 104 0 udp 10.0.0.1"), std::string::npos);
  NextPipeline smaller("FromPort(x) -> f :: FlowTable(CAPACITY 16) -> Discard;", same);
  EXPECT_EQ(ask(smaller, "f", "top"), ask(same, "f", "top"));
  NextPipeline other("FromPort(x) -> f :: FlowTable(BY source) -> Discard;", same);
  EXPECT_EQ(ask(other, "f", "top"), "packets bytes over flow\n");
}

TEST(Histogram, MeasuresSizesAndStampedLatencies) {
  TestPipeline p("FromPort(x) -> s :: Histogram(size) -> l :: Histogram(latency) -> Discard;");
  ASSERT_TRUE(p.graph) << p.diag.text();
  TestBatch b({Bytes(20, 0), Bytes(20, 0), Bytes(31, 0), Bytes(1000, 0)});
  b.batch.now_ns = 5000;
  b.batch.rx_ns[0] = 4990, b.batch.rx_ns[1] = 5001;
  ASSERT_TRUE(p.run(b.batch));
  EXPECT_EQ(ask(p, "s", "classes"), "20 2\n31 1\n1023 1\n");
  EXPECT_EQ(ask(p, "s", "percentiles"), "count 4\np50 20\np90 1023\np99 1023\np99.9 1023\nmax 1023\n");
  EXPECT_EQ(ask(p, "l", "classes"), "0 1\n10 1\n");
  EXPECT_EQ(p.counter("l", "measured"), 2u);
  EXPECT_EQ(p.counter("l", "unstamped"), 2u);
  NextPipeline next("FromPort(x) -> s :: Histogram(size) -> l :: Histogram(size) -> Discard;", p);
  EXPECT_EQ(ask(next, "s", "classes"), "20 2\n31 1\n1023 1\n");
  EXPECT_EQ(ask(next, "l", "classes"), "");
  tell(next, "s", "reset");
  EXPECT_EQ(ask(next, "s", "classes"), "");
  EXPECT_FALSE(TestPipeline("FromPort(x) -> Histogram -> Discard;").diag.ok());
  EXPECT_FALSE(TestPipeline("FromPort(x) -> Histogram(colour) -> Discard;").diag.ok());
}

TEST(RateWindow, EmptyIntervalsFadeTheAverage) {
  constexpr std::uint64_t kMs = 1'000'000;
  constexpr unsigned kBits = RateWindow::kFractionBits;
  RateWindow w;
  w.interval_ns = 100 * kMs, w.ewma = 4;
  for (std::uint64_t n = 0; n <= 100; ++n) w.roll(n * kMs + 1), w.add(50);
  EXPECT_EQ(w.last.packets >> kBits, 1000u);
  EXPECT_EQ(w.last.bytes >> kBits, 50'000u);
  EXPECT_EQ(w.average.packets >> kBits, 1000u);
  w.roll(350 * kMs);  // one packet in the second interval, none in the third
  EXPECT_EQ(w.last.packets, 0u);
  const double expected = (1000 * 0.75 + 10 * 0.25) * 0.75;
  EXPECT_NEAR(static_cast<double>(w.average.packets) / (1 << kBits), expected, 1);
  w.roll(~std::uint64_t{0} / 2);  // bounded work, nothing left
  EXPECT_EQ(w.average.packets, 0u);
  EXPECT_EQ(w.average.bytes, 0u);
  RateWindow early;
  early.interval_ns = kMs;
  early.roll(10 * kMs), early.add(1), early.roll(2 * kMs), early.add(1);
  EXPECT_EQ(early.now.packets, 2u) << "a late packet belongs to the interval at hand";
}

TEST(RateCounter, TellsRatesByPacketTimes) {
  TestPipeline p("FromPort(x) -> r :: RateCounter(INTERVAL 10ms, EWMA 1) -> Discard;");
  ASSERT_TRUE(p.graph) << p.diag.text();
  EXPECT_EQ(ask(p, "r", "rate"), "packets_per_s 0\nbytes_per_s 0\naverage_packets_per_s 0\naverage_bytes_per_s 0\n");
  for (unsigned n = 0; n < 21; ++n) {
    TestBatch b({Bytes(100, 0)});
    b.batch.rx_ns[0] = 1'700'000'000'000'000'000 + n * 1'000'000;
    ASSERT_TRUE(p.run(b.batch));
  }
  EXPECT_EQ(ask(p, "r", "rate"),
            "packets_per_s 1000\nbytes_per_s 100000\naverage_packets_per_s 1000\naverage_bytes_per_s 100000\n");
  NextPipeline next("FromPort(x) -> r :: RateCounter(INTERVAL 10ms, EWMA 1) -> Discard;", p);
  EXPECT_EQ(ask(next, "r", "rate"), ask(p, "r", "rate"));
  tell(next, "r", "reset");
  EXPECT_EQ(ask(next, "r", "rate").rfind("packets_per_s 0\n", 0), 0u);
  EXPECT_FALSE(TestPipeline("FromPort(x) -> RateCounter(INTERVAL 1) -> Discard;").diag.ok());
  EXPECT_FALSE(TestPipeline("FromPort(x) -> RateCounter(EWMA 0) -> Discard;").diag.ok());
}

TEST(Print, LineHasTimeLengthEndsAndBytes) {
  TestBatch b({testing::udp4(), Bytes(3, 0xab)});
  TapStyle style{.prefix = "here", .shown_bytes = 5};
  auto record = [&](unsigned i) {
    return TapRecord{1'700'000'000'000'000'042, b.batch.len[i],   b.batch.len[i],  b.batch.l3_off[i],
                     b.batch.l4_off[i],         b.batch.proto[i], b.batch.flags[i]};
  };
  EXPECT_EQ(print_line(style, record(0), b.batch.data[0]),
            "here: 1700000000.000000042 64 bytes, udp 10.0.0.1:1000 > 10.0.1.2:2000: 0200 0000 00");
  EXPECT_EQ(print_line(style, record(1), b.batch.data[1]), "here: 1700000000.000000042 3 bytes: abab ab");
  style.shown_bytes = 0;
  EXPECT_EQ(print_line(style, record(1), b.batch.data[1]), "here: 1700000000.000000042 3 bytes");
}

TEST(Print, PrintsOneOfEvery) {
  ::testing::internal::CaptureStderr();
  std::uint64_t printed;
  {
    TestPipeline p("FromPort(x) -> p :: Print(PREFIX seen, EVERY 3, MAX 0) -> Discard;");
    TestBatch b({Bytes(1, 0), Bytes(2, 0), Bytes(3, 0), Bytes(4, 0), Bytes(5, 0)});
    b.batch.now_ns = 7;
    ASSERT_TRUE(p.run(b.batch));
    printed = p.counter("p", "printed");
  }
  EXPECT_EQ(printed, 2u);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "seen: 0.000000007 1 bytes\nseen: 0.000000007 4 bytes\n");
}

// The file goes on: nothing is cut, moved or lost, though both pipelines write for a while.
TEST(Mirror, FileOutlivesItsPipeline) {
  char made[] = "/tmp/mirror_XXXXXX";
  ASSERT_NE(mkdtemp(made), nullptr);
  const std::string folder = made, file = folder + "/m.pcap";
  {
    TestPipeline first("FromPort(x) -> m :: Mirror(\"" + file + "\") -> Discard;");
    ASSERT_TRUE(first.graph) << first.diag.text();
    auto run = [](TestPipeline& p, std::uint8_t mark) {
      TestBatch b({Bytes(60, mark)});
      b.batch.now_ns = mark;
      ASSERT_TRUE(p.run(b.batch));
    };
    run(first, 1);
    NextPipeline next("FromPort(x) -> other :: Mirror(\"" + file + "\", FILES 3) -> Discard;", first);
    ASSERT_TRUE(next.graph) << next.diag.text();
    run(next, 2);
    run(first, 3);
    first.graph.reset();
    run(next, 4);
    EXPECT_EQ(next.counter("other", "mirrored"), 2u);
    EXPECT_EQ(next.counter("other", "failed"), 0u);
  }
  auto reader = CaptureReader::open(file);
  ASSERT_TRUE(reader) << reader.error().text;
  std::string marks;
  CapturedPacket p;
  while (*(*reader)->next(p)) marks += static_cast<char>('0' + p.data[20]);
  std::sort(marks.begin(), marks.end());  // the order of two workers' lanes is that of arrival
  EXPECT_EQ(marks, "1234");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace fulcrum
