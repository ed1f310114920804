// SPDX-License-Identifier: MIT
// offspring_test.cc - what elements add leaves behind the packet it comes from, whatever waits for whom.
#include "offspring.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::TestPipeline;

constexpr std::uint32_t kFrameBytes = 2048;

// Who was made of whom, in order of creation. A packet's id is its alert; received ones have 1, 2, …
struct Family {
  std::function<unsigned(std::uint32_t id)> plan;  // packets that a Maker shall make of one
  std::map<std::uint32_t, std::vector<std::uint32_t>> made_of;
  std::uint32_t next = 1000;
  void list(std::uint32_t id, std::vector<std::uint32_t>& out) const {  // as they shall leave
    out.push_back(id);
    if (auto own = made_of.find(id); own != made_of.end())
      for (std::uint32_t child : own->second) list(child, out);
  }
};
Family* family;

struct Maker final : Element {
  std::vector<ArgError> configure(std::span<const Arg>, Setup&) override { return {}; }
  void process(Batch& b, Mask in, Mask* out) noexcept override {
    out[0] = in;
    for_each(in, [&](unsigned i) {
      for (unsigned k = 0, n = family->plan(b.alert[i]); k < n; ++k) {
        const Made m = b.maker->make(b, i, 0, 60);
        if (!m) continue;
        m.batch->alert[m.i] = family->next;
        family->made_of[b.alert[i]].push_back(family->next++);
      }
    });
  }
};
constexpr OutputSpec kOut[] = {{"out", Unconnected::kError, ""}};
constexpr ElementClass kMakerClass = {"Maker", "Maker()", "adds packets",
                                      1,       kOut,      [] { return std::unique_ptr<Element>(new Maker); }};
constexpr ElementClass kClasses[] = {kMakerClass};
constexpr PluginInfo kPlugin = {kPluginAbi, "maker", "1", kClasses};

// A worker without sockets: pool, memory, one pipeline.
struct Bench {
  explicit Bench(const char* text, std::uint32_t frames = 512, unsigned batches = 64)
      : pipeline(text, &kPlugin),
        memory(frames * kFrameBytes),
        pool(frames, kFrameBytes),
        offspring(pool, memory.data(), kFrameBytes, 8),
        received(std::make_unique<WorkBatch>()) {
    for (std::uint32_t i = 0; i < frames; ++i) pool.put(std::uint64_t{i} * kFrameBytes);
    offspring.reserve(batches);
    family = &kin;
    part.graph = std::move(pipeline.graph);
    received->pipeline = &part;
  }
  void receive(unsigned packets) {
    Batch& b = received->batch;
    b.count = packets;
    b.in_port = 0;
    b.maker = &offspring;
    b.now_ns = 7;
    offspring.begin(*received);
    for (unsigned i = 0; i < packets; ++i) {
      b.frame[i] = pool.take();
      b.data[i] = memory.data() + b.frame[i] + 256;
      b.len[i] = 60;
      b.l3_off[i] = 14, b.l4_off[i] = b.payload_off[i] = 0;
      b.rx_ns[i] = 100 + i, b.hash[i] = i * 3, b.bucket[i] = static_cast<std::uint8_t>(i);
      b.reset_results(i);
      b.alert[i] = i + 1;
    }
    ASSERT_TRUE(part.graph->start(received->walk, b));
    ASSERT_EQ(part.graph->advance(received->walk, b, false), Step::kDone);
  }
  std::vector<std::uint32_t> expected() const {
    std::vector<std::uint32_t> ids;
    for (unsigned i = 0; i < received->batch.count; ++i) kin.list(i + 1, ids);
    return ids;
  }
  void walk_all() {
    unsigned over = 0;
    walk_over(
        received.get(), [&](WorkBatch* made) { run(made, over); },
        [&](WorkBatch* all) { over += all == received.get(); });
    EXPECT_EQ(over, 1u);
  }
  // All packets leave; their frames go home.
  std::vector<std::uint32_t> order() {
    std::vector<std::uint32_t> ids;
    auto leave = [&](const WorkBatch& wb, unsigned i) {
      EXPECT_EQ(wb.batch.verdict[i], Verdict::kTx);
      ids.push_back(wb.batch.alert[i]);
      pool.put(static_cast<std::uint64_t>(wb.batch.data[i] - memory.data()));
    };
    for (unsigned i = 0; i < received->batch.count; ++i) {
      leave(*received, i);
      each_made_of(*received, i, leave);
    }
    return ids;
  }

  void run(WorkBatch* made, unsigned& over) {
    ASSERT_EQ(part.graph->advance(made->walk, made->batch, false), Step::kDone);
    walk_over(
        made, [&](WorkBatch* next) { run(next, over); }, [&](WorkBatch*) { ++over; });
  }

  Family kin;
  TestPipeline pipeline;
  WorkerPipeline part;
  std::vector<std::uint8_t> memory;
  FramePool pool;
  Offspring offspring;
  std::unique_ptr<WorkBatch> received;
};

constexpr const char* kOne = "FromPort(x) -> Maker() -> ToPort(y);";
constexpr const char* kThree = "FromPort(x) -> Maker() -> Maker() -> Maker() -> ToPort(y);";

TEST(Offspring, LeavesBehindThePacketItComesFrom) {
  Bench t(kOne);
  t.kin.plan = [](std::uint32_t id) { return id < 4 ? id : 0; };
  t.receive(3);
  t.walk_all();
  EXPECT_EQ(t.order(), (std::vector<std::uint32_t>{1, 1000, 2, 1001, 1002, 3, 1003, 1004, 1005}));
  EXPECT_EQ(t.offspring.made(), 6u);
}

TEST(Offspring, TakesTheColumnsOfItsOriginAndLeavesHeadroom) {
  Bench t(kOne);
  t.kin.plan = [](std::uint32_t id) { return id == 2; };
  t.receive(3);
  const WorkBatch* made = t.received->first_made;
  ASSERT_TRUE(made && !made->next_made);
  const Batch& b = made->batch;
  ASSERT_EQ(b.count, 1u);
  EXPECT_EQ(b.rx_ns[0], 101u);
  EXPECT_EQ(b.hash[0], 3u);
  EXPECT_EQ(b.bucket[0], 1u);
  EXPECT_EQ(b.l3_off[0], 14u);
  EXPECT_EQ(b.now_ns, 7u);
  EXPECT_EQ(b.maker, &t.offspring);
  EXPECT_EQ(b.len[0], 60u);
  EXPECT_GE(static_cast<std::uint64_t>(b.data[0] - t.memory.data()) % kFrameBytes, kHeadroomBytes);
}

// Walks come to their ends in any order, as where devices have some of them.
TEST(Offspring, KeepsTheOrderWhateverIsDoneFirst) {
  const std::uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  std::uint64_t made_in_all = 0;
  for (int round = 0; round < 200; ++round) {
    Bench t(kThree, 4096, 512);
    t.kin.plan = [&](std::uint32_t) { return random() % 4 == 0 ? 1 + random() % 3 : 0u; };
    t.receive(1 + random() % 64);
    std::vector<WorkBatch*> waiting;
    unsigned over = 0;
    auto all_over = [&](WorkBatch* all) { over += all == t.received.get(); };
    auto wait = [&](WorkBatch* made) { waiting.push_back(made); };
    walk_over(t.received.get(), wait, all_over);
    while (!waiting.empty()) {
      EXPECT_EQ(over, 0u) << "done while something is on its way";
      const std::size_t k = random() % waiting.size();
      WorkBatch* made = waiting[k];
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(k));
      ASSERT_EQ(t.part.graph->advance(made->walk, made->batch, false), Step::kDone);
      walk_over(made, wait, all_over);
    }
    EXPECT_EQ(over, 1u);
    EXPECT_EQ(t.order(), t.expected());
    t.offspring.end(*t.received);
    EXPECT_EQ(t.pool.size(), 4096u) << "all frames are home";
    made_in_all += t.offspring.made();
  }
  EXPECT_GT(made_in_all, 5000u);
}

TEST(Offspring, HasNoneWhereFramesOrBatchesAreShort) {
  Bench few_frames(kOne, 16, 64);
  few_frames.kin.plan = [](std::uint32_t) { return 64u; };
  few_frames.receive(2);
  EXPECT_EQ(few_frames.offspring.made(), 16u - 2 - 8) << "the last are kept";
  few_frames.walk_all();
  EXPECT_EQ(few_frames.order(), few_frames.expected());
  few_frames.offspring.end(*few_frames.received);
  EXPECT_EQ(few_frames.pool.size(), 16u);

  Bench few_batches(kOne, 512, 1);
  few_batches.kin.plan = [](std::uint32_t) { return 64u; };
  few_batches.receive(3);
  EXPECT_EQ(few_batches.offspring.made(), 64u);
  few_batches.walk_all();
  EXPECT_EQ(few_batches.order(), few_batches.expected());
  few_batches.offspring.end(*few_batches.received);
  EXPECT_EQ(few_batches.pool.size(), 512u);
  few_batches.receive(1);
  EXPECT_EQ(few_batches.offspring.made(), 128u) << "batches come back";

  Batch& b = few_batches.received->batch;
  EXPECT_FALSE(few_batches.offspring.make(b, 0, 0, kFrameBytes)) << "longer than a frame holds";
}

}  // namespace
}  // namespace fulcrum
