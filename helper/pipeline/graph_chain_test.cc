// SPDX-License-Identifier: MIT
// graph_chain_test.cc - which elements share a task, and that a chain answers as its elements one by one.
#include <gtest/gtest.h>

#include <algorithm>

#include "device/testing.h"
#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Frames;
using testing::TestPipeline;

// An element with a device form, made of the words that are its arguments:
//   payload header datagram whole   what it reads
//   odd                             even sums give 0
//   zero nonzero always             results that go on by output 0 to the next kernel of the chain; without: no chain
//   write                           every byte plus 1; no longer than before, as the header does not say so
//   column                          a sequence number goes in
class Work final : public Element, public Offload {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup&) override {
    const auto has = [&](const char* word) {
      return std::any_of(args.begin(), args.end(), [&](const Arg& a) { return a.text == word; });
    };
    decl_ = testing::sum_decl("work", has("payload")  ? PacketRange::kPayload
                                      : has("header") ? PacketRange::kL3Header
                                      : has("whole")  ? PacketRange::kWhole
                                                      : PacketRange::kDatagram);
    if (has("header")) decl_.read.max_bytes = 24;
    if (has("write")) decl_.write = {true, 0, 16};
    if (has("column")) decl_.in_bytes = 4;
    words_[0] = 3, words_[1] = has("odd");
    if (has("always")) way_ = {0, Condition::kAlways};
    if (has("zero")) way_ = {0, Condition::kIfZero};
    if (has("nonzero")) way_ = {0, Condition::kIfNonZero};
    return {};
  }
  void process(Batch& b, Mask in, Mask* out) noexcept override {
    for_each(in, [&](unsigned i) {
      const ByteRange r = packet_range(b, i, decl_.read.range, decl_.read.max_bytes);
      std::uint32_t sum = testing::plain_sum(b.data[i] + r.offset, r.length) + words_[0];
      if (decl_.in_bytes) sum += ++sequence_;
      if (words_[1] && sum % 2 == 0) sum = 0;
      if (decl_.write.present && r.length) {
        for (std::uint32_t k = 0; k < r.length; ++k) ++b.data[i][r.offset + k];
        b.resize(i, r.offset + r.length);
      }
      decide(b, i, sum, out);
    });
  }
  Offload* offload() noexcept override { return this; }
  const KernelDecl& kernel() const noexcept override { return decl_; }
  KernelTable table() noexcept override { return {}; }
  const std::uint32_t* constants() noexcept override { return words_; }
  void prepare(Batch&, Mask in, const ItemColumns& c) noexcept override {
    for_each(in, [&](unsigned i) { *c.of(i) = ++sequence_; });
  }
  void finish(Batch& b, Mask in, const ItemResults& items, Mask* out) noexcept override {
    for_each(in, [&](unsigned i) { decide(b, i, items.result(i), out); });
  }
  Chain chain() const noexcept override { return way_; }

 private:
  // What it saw is left in the packet's alert.
  void decide(Batch& b, unsigned i, std::uint32_t result, Mask* out) noexcept {
    b.alert[i] = b.alert[i] * 31 + result;
    const bool on = way_.output < 0 ? result % 2 == 0 : holds(way_.when, result);
    out[!on] |= Mask{1} << i;
  }
  KernelDecl decl_;
  std::uint32_t words_[FU_CONSTANTS] = {};
  std::uint32_t sequence_ = 0;
  Chain way_;
};

constexpr OutputSpec kTwo[] = {{"on", Unconnected::kKernel, "on"}, {"off", Unconnected::kDrop, "off"}};
const ElementClass kClasses[] = {{"Work", "", "", 1, kTwo, [] { return std::unique_ptr<Element>(new Work); }}};
const PluginInfo kPlugin = {kPluginAbi, "test", "1", kClasses};

// Lengths of the chains, in the order of the nodes.
std::vector<std::size_t> chains_of(const std::string& text) {
  TestPipeline p(text, &kPlugin);
  EXPECT_TRUE(p.graph) << p.diag.text();
  std::vector<std::size_t> lengths;
  if (!p.graph) return lengths;
  for (const OffloadChain& c : p.graph->chains()) lengths.push_back(c.stage.size());
  return lengths;
}

using Lengths = std::vector<std::size_t>;

TEST(GraphChains, AreAsLongAsKernelsCanFollow) {
  // As PayloadMatch -> IPLookup.
  EXPECT_EQ(chains_of("FromPort(x) -> Work(payload, zero) -> Work(header) -> ToPort(y);"), (Lengths{2, 1}));
  EXPECT_EQ(chains_of("FromPort(x) -> Work(payload) -> Work(header) -> ToPort(y);"), (Lengths{1, 1}));
  EXPECT_EQ(chains_of("FromPort(x) -> Work(payload, zero) -> Counter -> Work(header) -> ToPort(y);"), (Lengths{1, 1}));
  EXPECT_EQ(chains_of("FromPort(x) -> Work(datagram, always, write) -> Work(header) -> ToPort(y);"), (Lengths{2, 1}));
  EXPECT_EQ(chains_of("FromPort(x) -> Work(datagram, always, write) -> Work(payload) -> ToPort(y);"), (Lengths{1, 1}));
  EXPECT_EQ(chains_of("FromPort(x) -> Work(payload, always) -> Work(payload, always) -> Work(payload, always)"
                      "-> Work(payload, always) -> Work(payload, always) -> ToPort(y);"),
            (Lengths{4, 4, 3, 2, 1}))
      << "at most kMaxStages";
}

TEST(GraphChains, EndWhereAnotherEdgeOrTaskStandsBetween) {
  EXPECT_EQ(chains_of("s :: Work(payload, zero); r :: Work(header); FromPort(x) -> s -> r -> ToPort(y);"
                      "FromPort(y) -> r;"),
            (Lengths{1, 1}))
      << "another source";
  EXPECT_EQ(chains_of("s :: Work(payload, zero); r :: Work(header); FromPort(x) -> s -> r -> ToPort(y);"
                      "s[1] -> Counter -> r;"),
            (Lengths{1, 1}))
      << "the other output comes back";
  EXPECT_EQ(chains_of("s :: Work(payload, zero); r :: Work(header); FromPort(x) -> s; s[1] -> Work(payload) -> Discard;"
                      "s -> r -> ToPort(y);")
                .size(),
            3u);
}

// A kernel that left an item out says 0; the next must not take that for an answer.
TEST(GraphChains, ConditionsMustHoldAllTheWay) {
  const auto three = [](const std::string& second, const std::string& third) {
    return chains_of("FromPort(x) -> Work(payload, zero) -> Work(header" + second + ") -> Work(payload" + third +
                     ") -> ToPort(y);")[0];
  };
  EXPECT_EQ(three(", nonzero", ""), 3u);
  EXPECT_EQ(three(", zero", ""), 2u);
  EXPECT_EQ(three(", always", ""), 2u);
  // Columns are given out when the task is made: only where all of its packets get there.
  EXPECT_EQ(three(", nonzero", ", column"), 2u);
  EXPECT_EQ(chains_of("FromPort(x) -> Work(payload, always) -> Work(header, always) -> Work(payload, column)"
                      "-> ToPort(y);")[0],
            3u);
  EXPECT_EQ(chains_of("FromPort(x) -> Work(payload, zero) -> Work(header, column) -> ToPort(y);")[0], 1u);
}

// A pipeline of two to five Works, side outputs to anywhere behind.
std::string random_pipeline(std::mt19937& random) {
  const unsigned count = 2 + random() % 4;
  const char* kRanges[] = {"payload", "header", "datagram", "whole", "datagram"};
  const char* kWays[] = {"", ", zero", ", nonzero", ", always", ", always"};
  std::string text;
  for (unsigned n = 0; n < count; ++n) {
    const char* way = kWays[random() % 5];
    text += "w" + std::to_string(n) + " :: Work(" + kRanges[random() % 5] + way + (random() % 2 ? ", odd" : "") +
            (random() % 4 ? "" : ", write") + (random() % 3 ? "" : ", column") + ");\n";
  }
  text += "FromPort(x) -> w0;\n";
  for (unsigned n = 0; n + 1 < count; ++n) {
    text += "w" + std::to_string(n) + " -> w" + std::to_string(n + 1) + ";\n";
    if (random() % 2) continue;
    const unsigned to = n + 1 + random() % (count - n);
    text +=
        "w" + std::to_string(n) + "[1] -> Counter -> " + (to < count ? "w" + std::to_string(to) : "Discard") + ";\n";
  }
  return text + "w" + std::to_string(count - 1) + " -> ToPort(y);\n";
}

// All of the frames through the aggregator of p, each batch its own task.
void run_by_tasks(TestPipeline& p, Frames& frames, TaskAggregator& tasks) {
  for (std::size_t n = 0; n < frames.size(); ++n) {
    Walk walk;
    ASSERT_TRUE(p.graph->start(walk, frames.batch(n)));
    std::uint64_t now = 1;
    while (p.graph->advance(walk, frames.batch(n), true) == Step::kOffload) {
      ASSERT_LT(now, 100u);
      ASSERT_TRUE(tasks.add(&frames.batch(n), &walk, p.graph->offload_mask(walk), p.graph->chain_at(walk), ++now));
      tasks.poll(now);
      TaskAggregator::Ready r;
      ASSERT_TRUE(tasks.take(r));
      p.graph->resume(*r.walk, *r.batch, r.results);
    }
  }
}

TEST(GraphChains, AnswerAsTheirElementsOneByOne) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::size_t longest = 0;
  for (unsigned round = 0; round < 300; ++round) {
    const std::string text = random_pipeline(random);
    SCOPED_TRACE(text);
    TestPipeline one_by_one(text, &kPlugin), by_tasks(text, &kPlugin);
    ASSERT_TRUE(one_by_one.graph && by_tasks.graph) << one_by_one.diag.text();
    Frames a(3), b(3);
    for (std::size_t n = 0; n < a.size(); ++n) {
      std::mt19937 again = random;
      const unsigned count = 1 + round % kBatchSize;
      a.fill(n, count, 300, random);
      b.fill(n, count, 300, again);
    }
    for (const OffloadChain& c : by_tasks.graph->chains()) longest = std::max(longest, c.stage.size());
    const auto script = std::make_shared<testing::DeviceScript>();
    script->in_place = round % 3 == 0;
    testing::ScriptedDevice device(script);
    const AggregateLimits limits{.max_packets = 1};
    auto lane = DeviceLane::open(device, by_tasks.graph->chains(), b.base(), b.bytes(), lane_limits(limits));
    ASSERT_TRUE(lane);
    TaskAggregator tasks(by_tasks.graph->chains(), round % 3 == 1 ? nullptr : std::move(*lane), b.base(), limits);
    ASSERT_NO_FATAL_FAILURE(run_by_tasks(by_tasks, b, tasks));
    EXPECT_EQ(tasks.stats().fallback_tasks.value(), 0u);
    for (std::size_t n = 0; n < a.size(); ++n) {
      Batch &x = a.batch(n), &y = b.batch(n);
      ASSERT_TRUE(one_by_one.run(x));
      for (unsigned i = 0; i < x.count; ++i) {
        ASSERT_EQ(x.alert[i], y.alert[i]) << "results, batch " << n << " packet " << i;
        ASSERT_EQ(x.verdict[i], y.verdict[i]);
        ASSERT_EQ(one_by_one.reason(x, i), by_tasks.reason(y, i));
        ASSERT_EQ(std::vector<std::uint8_t>(x.data[i], x.data[i] + x.len[i]),
                  std::vector<std::uint8_t>(y.data[i], y.data[i] + y.len[i]));
      }
    }
    const auto left = one_by_one.graph->stats(), right = by_tasks.graph->stats();
    for (std::size_t k = 0; k < left.size(); ++k) EXPECT_EQ(left[k].packets_in, right[k].packets_in) << left[k].name;
  }
  EXPECT_GE(longest, 3u);
}

}  // namespace
}  // namespace fulcrum
