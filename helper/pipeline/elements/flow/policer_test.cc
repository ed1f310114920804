// SPDX-License-Identifier: MIT
// policer_test.cc - rates against an exact bucket, over workers, changes and swaps.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "pipeline/elements/flow/shared_bucket.h"
#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

constexpr std::uint64_t kSecond = 1000000000;
constexpr char kPolicer[] = "FromPort(x) -> p :: Policer(1kpps, BURST 10) -> ToPort(y);";

std::vector<Arg> words(std::initializer_list<const char*> list) {
  std::vector<Arg> args;
  for (const char* word : list) args.push_back({"", word, false, {}});
  return args;
}

// How many of `n` packets at once come through at `now_ns`.
unsigned passed(TestPipeline& p, unsigned n, std::uint64_t now_ns, std::size_t bytes = 60) {
  TestBatch t(std::vector<Bytes>(n, Bytes(bytes)));
  t.batch.now_ns = now_ns;
  EXPECT_TRUE(p.run(t.batch));
  unsigned sum = 0;
  for (unsigned i = 0; i < n; ++i) sum += t.batch.verdict[i] == Verdict::kTx;
  return sum;
}

TEST(Policer, BurstThenRate) {
  TestPipeline p(kPolicer);
  ASSERT_TRUE(p.graph) << p.diag.text();
  EXPECT_EQ(passed(p, 64, 5 * kSecond), 10u);
  EXPECT_EQ(passed(p, 64, 5 * kSecond), 0u);
  EXPECT_EQ(passed(p, 64, 5 * kSecond + 999999), 0u);
  EXPECT_EQ(passed(p, 64, 5 * kSecond + 1000000), 1u);
  EXPECT_EQ(passed(p, 64, 5 * kSecond + 4500000), 3u);
  EXPECT_EQ(passed(p, 64, 5 * kSecond + 5000000), 1u) << "the half is not lost";
  EXPECT_EQ(passed(p, 64, 4 * kSecond), 0u) << "time that goes back earns nothing";
  EXPECT_EQ(passed(p, 64, 3600 * kSecond), 10u);
  EXPECT_EQ(p.counter("p", "conform_packets"), 25u);
  EXPECT_EQ(p.counter("p", "exceed_packets"), 8 * 64u - 25);
  EXPECT_EQ(p.counter("p", "conform_bytes"), 25u * 60);
}

TEST(Policer, TellsWhyAndGoesByEachPacketsTime) {
  TestPipeline p(kPolicer);
  TestBatch t(std::vector<Bytes>(20, Bytes(60)));
  for (unsigned i = 0; i < 20; ++i) t.batch.rx_ns[i] = kSecond + i * 1000000;
  ASSERT_TRUE(p.run(t.batch));
  for (unsigned i = 0; i < 20; ++i) EXPECT_EQ(t.batch.verdict[i], Verdict::kTx) << "one a millisecond is the rate";
  TestBatch late(std::vector<Bytes>(11, Bytes(60)));
  late.batch.now_ns = kSecond + 19 * 1000000;
  ASSERT_TRUE(p.run(late.batch));
  EXPECT_EQ(late.batch.verdict[8], Verdict::kTx);
  EXPECT_EQ(p.reason(late.batch, 9), "policed");
}

TEST(Policer, BytesAreTheFrames) {
  TestPipeline p("FromPort(x) -> p :: Policer(8kbps, BURST 1000) -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  EXPECT_EQ(passed(p, 20, kSecond, 100), 10u);
  EXPECT_EQ(passed(p, 20, 2 * kSecond - 1, 1000), 0u);
  EXPECT_EQ(passed(p, 20, 2 * kSecond, 1000), 1u);
  EXPECT_EQ(passed(p, 1, 100 * kSecond, 1001), 0u) << "more than the burst never passes";
}

// The exact bucket in rational numbers: tokens as 10^-9 packets, one packet after the other.
TEST(Policer, IsExactForRandomTimes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    const BucketLimit limit{{1 + random() % 3000000, (random() & 1) != 0}, 64 + random() % 5000};
    const __int128 full = static_cast<__int128>(limit.burst) * (limit.rate.of_bits ? 8 : 1) * kSecond;
    SharedBucket bucket;
    __int128 tokens = full;
    std::uint64_t now = random() % (4 * kSecond), judged = now;
    unsigned good = 0, bad = 0;
    for (int batch = 0; batch < 300; ++batch) {
      TestBatch t({});
      for (unsigned n = 1 + random() % 64; n; --n) t.add(Bytes(60 + random() % 1400));
      Mask expected = 0;
      for (unsigned i = 0; i < t.batch.count; ++i) {
        now += random() % (limit.rate.of_bits ? 8000000 : 2000);
        t.batch.rx_ns[i] = now;
        if (batch == 0 && i == 0) judged = now;
        tokens = std::min(full, tokens + static_cast<__int128>(now - judged) * limit.rate.per_second);
        judged = now;
        const __int128 cost = static_cast<__int128>(limit.rate.of_bits ? 8 * t.batch.len[i] : 1) * kSecond;
        if (tokens >= cost) tokens -= cost, expected |= Mask{1} << i;
      }
      ASSERT_EQ(bucket.spend(t.batch, t.batch.all(), limit), expected);
      good += static_cast<unsigned>(std::popcount(expected));
      bad += t.batch.count - static_cast<unsigned>(std::popcount(expected));
    }
    EXPECT_GT(good, 0u);
    EXPECT_GT(good + bad, 300u);
  }
}

// Four threads, one bucket: never more than burst and rate, and no token lost to a race.
TEST(Policer, HoldsOverWorkers) {
  constexpr unsigned kThreads = 4, kBatches = 20000;
  const BucketLimit limit{{1000000, false}, 1000};
  SharedBucket bucket;
  std::atomic<std::uint64_t> clock_ns{kSecond}, passed{0};
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < kThreads; ++k)
    threads.emplace_back([&] {
      TestBatch t(std::vector<Bytes>(64, Bytes(60)));
      for (unsigned n = 0; n < kBatches; ++n) {
        t.batch.now_ns = clock_ns.fetch_add(2000) + 2000;
        passed += static_cast<std::uint64_t>(std::popcount(bucket.spend(t.batch, t.batch.all(), limit)));
      }
    });
  for (std::thread& t : threads) t.join();
  const std::uint64_t earned = 1000 + kThreads * kBatches * 2;  // 2 us earn two packets
  EXPECT_LE(passed, earned);
  TestBatch rest(std::vector<Bytes>(64, Bytes(60)));
  rest.batch.now_ns = clock_ns;
  for (int k = 0; k < 20; ++k)
    passed += static_cast<std::uint64_t>(std::popcount(bucket.spend(rest.batch, rest.batch.all(), limit)));
  // Demand is 32 times the rate, so the bucket is never full behind the start. A batch that is
  // late to start it may have earned from a little before.
  EXPECT_GE(passed, earned - 2 * kThreads);
  EXPECT_LE(passed, earned);
}

TEST(Policer, RateChangesByHandler) {
  TestPipeline p(kPolicer);
  EXPECT_EQ(passed(p, 64, kSecond), 10u);
  Element* e = p.graph->element("p");
  EXPECT_EQ(*e->read("limit", {}, {}), "1kpps burst 10 packets\n");
  const std::vector<Arg> good = {{"", "10kpps", false, {}}, {"BURST", "20", false, {}}};
  Result<Element::Change> change = e->write("rate", good, p.setup);
  ASSERT_TRUE(change) << change.error().text;
  EXPECT_EQ(passed(p, 64, kSecond + 1000000), 1u) << "not before the worker ran it";
  (*change)();
  EXPECT_EQ(passed(p, 64, kSecond + 2000000), 10u);
  EXPECT_EQ(passed(p, 64, 9 * kSecond), 20u);
  EXPECT_EQ(*e->read("limit", {}, {}), "10kpps burst 20 packets\n");
  EXPECT_FALSE(e->write("rate", words({"10"}), p.setup));
  EXPECT_FALSE(e->write("rate", words({"1kbps"}), p.setup)) << "another kind";
  EXPECT_FALSE(e->write("rate", words({"1kpps", "2kpps"}), p.setup));
  EXPECT_FALSE(e->write("rate", {}, p.setup));
}

TEST(Policer, TokensOutliveASwap) {
  TestPipeline p(kPolicer);
  EXPECT_EQ(passed(p, 64, kSecond), 10u);
  Diagnostics diag;
  OfflineSetup setup("/test/next.click", OfflineSetup::KernelRoutes::kEmpty);
  setup.inherit(p.setup);
  const Config config = parse_config("next.click", kPolicer, diag);
  p.graph = Graph::build(config, p.registry, setup, diag);
  ASSERT_TRUE(p.graph) << diag.text();
  EXPECT_EQ(passed(p, 64, kSecond + 3000000), 3u) << "the new one did not start full";
}

TEST(Policer, RefusesWhatIsNoRate) {
  for (const auto& [args, why] : {std::pair{"10", "'10' is not such a rate: valid is 1pps to 1000Gpps"},
                                  {"", "a rate, as in 10kpps or 100Mbps, is missing"},
                                  {"1kpps, BURST 0", "BURST: '0' is not such a number: valid is a whole number from 1"},
                                  {"1kbps, BURST 1", "BURST: '1' is not such a size: valid is 64B to 1GiB"},
                                  {"1kpps, 2kpps", "is one too many: 1 is the limit"}}) {
    TestPipeline p("FromPort(x) -> Policer(" + std::string(args) + ") -> ToPort(y);");
    EXPECT_NE(p.diag.text().find(why), std::string::npos) << p.diag.text();
  }
}

TEST(Meter, EachOutputKeepsBelowItsRate) {
  TestPipeline p(
      "FromPort(x) -> m :: Meter(1kpps, 3kpps, BURST 10);"
      "m[0] -> Discard(o0); m[1] -> Discard(o1); m[2] -> Discard(o2);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  unsigned count[3] = {};
  for (unsigned ms = 0; ms < 1000; ++ms) {
    TestBatch t(std::vector<Bytes>(5, Bytes(60)));
    t.batch.now_ns = kSecond + ms * 1000000;
    ASSERT_TRUE(p.run(t.batch));
    for (unsigned i = 0; i < 5; ++i) ++count[p.reason(t.batch, i)[1] - '0'];
  }
  EXPECT_EQ(count[0], 10u + 999);
  EXPECT_EQ(count[0] + count[1], 10u + 2997);
  EXPECT_EQ(count[0] + count[1] + count[2], 5000u);
}

TEST(Meter, RatesChangeTogetherAndAscend) {
  TestPipeline p(
      "FromPort(x) -> m :: Meter(1kpps, 3kpps);"
      "m[0] -> Discard(o0); m[1] -> Discard(o1); m[2] -> Discard(o2);");
  Element* e = p.graph->element("m");
  EXPECT_EQ(*e->read("limits", {}, {}), "1kpps burst 100 packets\n3kpps burst 300 packets\n");
  EXPECT_FALSE(e->write("rates", words({"1kpps"}), p.setup));
  EXPECT_FALSE(e->write("rates", words({"3kpps", "1kpps"}), p.setup));
  Result<Element::Change> change = e->write("rates", words({"2kpps", "4kpps"}), p.setup);
  ASSERT_TRUE(change);
  (*change)();
  EXPECT_EQ(*e->read("limits", {}, {}), "2kpps burst 200 packets\n4kpps burst 400 packets\n");
  TestPipeline bad("FromPort(x) -> m :: Meter(1kpps, 1kpps); m[0] -> Discard; m[1] -> Discard; m[2] -> Discard;");
  EXPECT_NE(bad.diag.text().find("rates ascend"), std::string::npos) << bad.diag.text();
}

}  // namespace
}  // namespace fulcrum
