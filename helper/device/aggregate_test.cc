// SPDX-License-Identifier: MIT
// aggregate_test.cc - limits, order, a slow or full device, one that is lost in any way, lanes that come and go.
#include "device/aggregate.h"

#include <gtest/gtest.h>

#include "device/testing.h"

namespace fulcrum {
namespace {

using testing::chain_of;
using testing::DeviceScript;
using testing::Frames;
using testing::plain_sum;
using testing::ScriptedDevice;
using testing::sum_decl;
using testing::TestOffload;

const KernelDecl kWhole = sum_decl("whole", PacketRange::kWhole);
const KernelDecl kHeader = sum_decl("header", PacketRange::kL3Header, 24);
const KernelDecl kPayload = sum_decl("payload", PacketRange::kPayload);

// Only handed through.
Walk* walk_of(std::size_t n) { return reinterpret_cast<Walk*>(n * 64 + 64); }
std::size_t number_of(const Walk* w) { return reinterpret_cast<std::uintptr_t>(w) / 64 - 1; }

// One aggregator over random batches, its chains and a scripted device.
struct Bench {
  explicit Bench(AggregateLimits limits, unsigned batches = 64, unsigned seed = std::random_device{}())
      : seed(seed), random(seed), limits(limits), frames(batches) {
    for (std::size_t n = 0; n < batches; ++n) frames.fill(n, 1 + random() % kBatchSize, 400, random);
    chains = {chain_of({&whole}), chain_of({&header}), chain_of({&whole, &payload})};
  }
  std::unique_ptr<DeviceLane> lane() {
    auto opened = DeviceLane::open(device, chains, frames.base(), frames.bytes(), lane_limits(limits));
    EXPECT_TRUE(opened) << opened.error().text;
    return std::move(*opened);
  }
  void start(bool with_lane = true) {
    tasks = std::make_unique<TaskAggregator>(chains, with_lane ? lane() : nullptr, frames.base(), limits);
  }
  bool add(std::size_t chain = 0, Mask mask = ~Mask{0}) {
    Batch& b = frames.batch(added % frames.size());
    mask &= b.all();
    mask |= 1;
    if (!tasks->add(&b, walk_of(added), mask, chain, now)) return false;
    sent.push_back({chain, mask});
    ++added;
    return true;
  }
  // Takes all that is there; each batch in its turn with the right results.
  void take_all() {
    for (TaskAggregator::Ready r; tasks->take(r); ++taken) {
      ASSERT_LT(taken, added);
      const std::size_t n = number_of(r.walk);
      ASSERT_LT(n, added);
      ASSERT_EQ(r.batch, &frames.batch(n % frames.size()));
      for (std::size_t& next = next_of_chain[sent[n].chain]; next != n; ++next)
        ASSERT_NE(sent[next].chain, sent[n].chain) << "batch " << n << " overtook " << next;
      ++next_of_chain[sent[n].chain];
      // Where each batch is a task of its own, all of them keep their order.
      if (limits.max_packets == 1) {
        ASSERT_EQ(n, taken);
      }
      const OffloadChain& c = chains[sent[n].chain];
      for (unsigned s = 0; s < c.stage.size(); ++s) {
        const ItemResults items = r.results.stage(s);
        const KernelDecl& k = *c.links[s].kernel;
        for_each(sent[n].mask, [&](unsigned i) {
          const ByteRange range = packet_range(*r.batch, i, k.read.range, k.read.max_bytes);
          ASSERT_EQ(items.result(i), plain_sum(r.batch->data[i] + range.offset, range.length) + extra)
              << "batch " << n << " packet " << i << " seed " << seed;
        });
      }
    }
  }
  // One batch goes in, what is finished comes out; where no task is free, time passes first.
  void turn(std::size_t chain) {
    bool went = add(chain);
    for (unsigned tries = 0; !went && tries < 200; ++tries) {
      poll();
      ASSERT_NO_FATAL_FAILURE(take_all());
      went = add(chain);
    }
    ASSERT_TRUE(went);
    poll();
    ASSERT_NO_FATAL_FAILURE(take_all());
  }
  void poll() { tasks->poll(now += 1000); }
  // Until all is back; bounded.
  void drain() {
    tasks->flush();
    for (unsigned turn = 0; turn < 1000 && taken < added; ++turn) poll(), take_all();
    ASSERT_EQ(taken, added);
    ASSERT_TRUE(tasks->idle());
  }

  struct Sent {
    std::size_t chain;
    Mask mask;
  };
  unsigned seed;
  std::mt19937 random;
  AggregateLimits limits;
  Frames frames;
  TestOffload whole{kWhole}, header{kHeader}, payload{kPayload};
  std::vector<OffloadChain> chains;
  std::shared_ptr<DeviceScript> script = std::make_shared<DeviceScript>();
  ScriptedDevice device{script};
  std::unique_ptr<TaskAggregator> tasks;
  std::vector<Sent> sent;
  std::size_t added = 0, taken = 0;
  std::array<std::size_t, 3> next_of_chain{};
  std::uint64_t now = 1000;
  std::uint32_t extra = 0;  // what all results have on top
};

TEST(TaskAggregator, GivesEachBatchItsResultsInOrderAtAnyPace) {
  for (bool in_place : {false, true})
    for (std::size_t chain = 0; chain < 3; ++chain) {
      Bench t({.max_packets = 60, .deadline_ns = 500, .tasks = 5});
      SCOPED_TRACE("seed " + std::to_string(t.seed));
      t.script->in_place = in_place;
      t.start();
      for (unsigned turn = 0; t.taken < 64 && turn < 100'000; ++turn) {
        t.script->hold = t.random() % 8 != 0;
        if (t.added < 64) t.add(chain, t.random() | std::uint64_t{t.random()} << 32);
        t.tasks->poll(t.now += t.random() % 20);
        if (t.random() % 4) {
          ASSERT_NO_FATAL_FAILURE(t.take_all());
        }
      }
      EXPECT_EQ(t.taken, 64u);
      EXPECT_TRUE(t.tasks->idle());
      EXPECT_EQ(t.script->most_in_flight, 2u);
      EXPECT_EQ(t.tasks->stats().here_tasks.value(), 0u);
      EXPECT_EQ(t.tasks->stats().tasks.value(), t.script->submitted);
      EXPECT_GT(t.tasks->stats().in_bytes.value(), 0u);
      EXPECT_EQ(t.tasks->stats().saved_bytes.value() > 0, chain == 2) << "shared bytes are copied once";
    }
}

TEST(TaskAggregator, ClosesATaskBySizeBytesAndDeadline) {
  Bench by_size({.max_packets = 64, .deadline_ns = 1'000'000}, 200);
  by_size.start();
  std::uint64_t packets = 0;
  while (packets < 64) {
    packets += by_size.frames.batch(by_size.added).count;
    ASSERT_TRUE(by_size.add());
    by_size.tasks->poll(by_size.now);
    EXPECT_EQ(by_size.script->submitted, packets >= 64 ? 1u : 0u);
  }
  Bench by_time({.deadline_ns = 1000});
  by_time.start();
  ASSERT_TRUE(by_time.add());
  by_time.tasks->poll(1999);
  EXPECT_EQ(by_time.tasks->stats().tasks.value(), 0u);
  by_time.tasks->poll(2000);
  EXPECT_EQ(by_time.tasks->stats().tasks.value(), 1u);
  Bench by_bytes({.max_bytes = 14, .deadline_ns = 1'000'000});
  by_bytes.start();
  ASSERT_TRUE(by_bytes.add());
  by_bytes.tasks->poll(by_bytes.now);
  EXPECT_EQ(by_bytes.tasks->stats().tasks.value(), 1u);
}

TEST(TaskAggregator, KeepsOneOpenTaskPerChainAndFreesTheWayWhenNoneIsLeft) {
  Bench t({.deadline_ns = ~0ull, .tasks = 2});
  t.start();
  ASSERT_TRUE(t.add(0));
  ASSERT_TRUE(t.add(1));
  ASSERT_FALSE(t.add(2));
  t.poll();
  t.take_all();
  EXPECT_EQ(t.taken, 2u);
  ASSERT_TRUE(t.add(2));
  t.drain();
}

// In whatever way a device goes: each packet has its result once and in order, and what follows runs here.
enum class Loss { kRefused, kFailed, kHangs, kAlwaysFull, kWrong, kRevoked };

void lose(Bench& t, Loss how) {
  t.script->refuse = how == Loss::kRefused;
  t.script->fail = how == Loss::kFailed;
  t.script->wrong = how == Loss::kWrong;
  if (how == Loss::kHangs) t.script->hold = true, t.now += 2'000'000'000;
  if (how == Loss::kAlwaysFull) t.script->depth = 0;
  if (how == Loss::kRevoked) t.tasks->revoke();
}

class LostDevice : public ::testing::TestWithParam<std::tuple<Loss, bool>> {};

TEST_P(LostDevice, LosesNoPacketAndNoOrder) {
  const auto [how, in_place] = GetParam();
  constexpr LaneState kWant[] = {LaneState::kRefused, LaneState::kFailed,   LaneState::kTimeout,
                                 LaneState::kTimeout, LaneState::kMismatch, LaneState::kRevoked};
  for (unsigned in_flight = 0; in_flight < 3; ++in_flight) {
    Bench t({.max_packets = 1, .deadline_ns = 10, .timeout_ns = 50'000, .shadow_every = 1, .tasks = 6}, 32);
    SCOPED_TRACE("seed " + std::to_string(t.seed) + " in flight " + std::to_string(in_flight));
    t.script->in_place = in_place;
    t.start();
    for (unsigned n = 0; n < 5; ++n) {
      ASSERT_NO_FATAL_FAILURE(t.turn(n % 3));
    }
    EXPECT_EQ(t.tasks->state(), LaneState::kUp);
    EXPECT_EQ(t.script->submitted, 5u);
    EXPECT_EQ(t.tasks->stats().shadow_tasks.value(), 5u);
    t.script->hold = true;
    for (unsigned n = 0; n < in_flight; ++n) {
      ASSERT_NO_FATAL_FAILURE(t.turn(n % 3));
    }
    EXPECT_EQ(t.taken, 5u);
    t.script->hold = false;
    lose(t, how);
    for (unsigned n = 0; n < 150; ++n) {
      ASSERT_NO_FATAL_FAILURE(t.turn(n % 3)) << n;
      t.script->end_late_tasks();
    }
    ASSERT_NO_FATAL_FAILURE(t.drain());
    EXPECT_EQ(t.tasks->state(), kWant[static_cast<int>(how)]) << to_string(t.tasks->state());
    EXPECT_EQ(t.script->abandoned, 1u);
    const AggregateStats& s = t.tasks->stats();
    EXPECT_EQ(s.tasks.value(), t.added) << "each once";
    EXPECT_GT(s.here_tasks.value(), 50u);
    EXPECT_EQ(s.shadow_mismatches.value(), how == Loss::kWrong ? 1u : 0u);
    EXPECT_EQ(t.tasks->take_evidence() != nullptr, how == Loss::kWrong);
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, LostDevice,
                         ::testing::Combine(::testing::Values(Loss::kRefused, Loss::kFailed, Loss::kHangs,
                                                              Loss::kAlwaysFull, Loss::kWrong, Loss::kRevoked),
                                            ::testing::Bool()));

TEST(TaskAggregator, KeepsThePacketsThatWereAnsweredWrong) {
  Bench t({.max_packets = 100, .deadline_ns = 10, .shadow_every = 3}, 16);
  t.start();
  t.script->wrong = true;
  std::vector<std::size_t> batches;  // of the third task
  for (unsigned n = 0; n < 16 && t.tasks->state() == LaneState::kUp; ++n) {
    if (t.script->submitted == 2) batches.push_back(t.added);
    ASSERT_TRUE(t.add());
    t.tasks->poll(t.now);
    if (t.script->submitted < 3) {  // wrong answers that nobody looks at
      for (TaskAggregator::Ready r; t.tasks->take(r);) t.next_of_chain[0] = ++t.taken;
    }
  }
  EXPECT_EQ(t.tasks->state(), LaneState::kMismatch);
  const auto evidence = t.tasks->take_evidence();
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->kernel, "whole");
  EXPECT_EQ(evidence->item, 0u);
  std::size_t at = 0;
  for (std::size_t n : batches) {
    const Batch& b = t.frames.batch(n);
    for_each(t.sent[n].mask, [&](unsigned i) {
      ASSERT_LT(at, evidence->packets.size());
      EXPECT_EQ(evidence->packets[at++], std::vector<std::uint8_t>(b.data[i], b.data[i] + b.len[i]));
    });
  }
  EXPECT_EQ(at, evidence->packets.size());
  EXPECT_FALSE(t.tasks->take_evidence()) << "taken once";
  ASSERT_NO_FATAL_FAILURE(t.drain());
}

// Under traffic that never pauses, with tasks open at all times.
TEST(TaskAggregator, AdoptsALaneUnderTrafficAndGivesTheOldOneBack) {
  Bench t({.max_packets = 200, .deadline_ns = 5000, .timeout_ns = 50'000, .tasks = 6}, 32);
  SCOPED_TRACE("seed " + std::to_string(t.seed));
  t.start(false);
  EXPECT_EQ(t.tasks->state(), LaneState::kNone);
  const auto traffic = [&](unsigned turns) {
    for (unsigned n = 0; n < turns; ++n) {
      ASSERT_NO_FATAL_FAILURE(t.turn(n % 3));
    }
    ASSERT_FALSE(t.tasks->idle());
  };
  ASSERT_NO_FATAL_FAILURE(traffic(20));
  for (unsigned round = 0; round < 4; ++round) {
    t.script->hold = t.script->refuse = false;
    t.tasks->offer_lane(t.lane());
    ASSERT_NO_FATAL_FAILURE(traffic(40));
    EXPECT_EQ(t.tasks->state(), LaneState::kUp) << round;
    EXPECT_EQ(t.tasks->take_old_lane() != nullptr, round > 0);
    EXPECT_EQ(t.script->open_queues, 1u) << "the old lane is gone, and only it";
    const unsigned before = t.script->submitted;
    ASSERT_NO_FATAL_FAILURE(traffic(40));
    EXPECT_GT(t.script->submitted, before);
    if (round % 2) {
      t.script->hold = true;
      ASSERT_NO_FATAL_FAILURE(traffic(2));
      t.now += 1'000'000;
    } else {
      t.script->refuse = true;
    }
    ASSERT_NO_FATAL_FAILURE(traffic(20));
    EXPECT_TRUE(t.tasks->gone());
  }
  ASSERT_NO_FATAL_FAILURE(t.drain());
}

TEST(TaskAggregator, OfAnOfferedLaneThatIsNotTakenUpTheLatestCounts) {
  Bench t({});
  t.start();
  t.tasks->offer_lane(t.lane());
  t.poll();
  EXPECT_FALSE(t.tasks->take_old_lane()) << "the one in use works";
  t.tasks->offer_lane(t.lane());
  EXPECT_EQ(t.script->open_queues, 2u);
  t.tasks.reset();
  EXPECT_EQ(t.script->open_queues, 0u);
}

// A table that is still on its way does not hold up tasks: they run on the version before, or here.
TEST(TaskAggregator, TasksGoOnWithTheLastVersionUntilTheNewestIsThere) {
  for (std::size_t chain : {0, 2}) {
    Bench t({.max_packets = 1, .deadline_ns = 10});
    TestOffload& first = t.whole;
    std::uint64_t there = 0;  // newest version on the device
    t.script->resident = [&](const KernelTable& table) { return table.version <= there; };
    t.start();
    const auto one = [&](std::uint32_t extra) {
      t.extra = extra;
      ASSERT_TRUE(t.add(chain));
      t.poll();
      const std::size_t before = t.taken;
      for (TaskAggregator::Ready r; t.tasks->take(r); ++t.taken) {
        const Batch& b = *r.batch;
        const KernelDecl& k = kWhole;
        for_each(t.sent[t.taken].mask, [&](unsigned i) {
          const ByteRange range = packet_range(b, i, k.read.range, k.read.max_bytes);
          ASSERT_EQ(r.results.stage(0).result(i), plain_sum(b.data[i] + range.offset, range.length) + extra);
        });
      }
      ASSERT_EQ(t.taken, before + 1);
    };
    one(0);  // no table yet: the device's business
    EXPECT_EQ(t.script->versions, (std::vector<std::uint64_t>{0}));
    first.publish(1, 100);
    one(100);
    EXPECT_EQ(t.tasks->stats().here_tasks.value(), 1u) << "the first version is not there";
    there = 1;
    one(100);
    first.publish(2, 200);
    one(100);
    first.publish(3, 300);
    one(100);
    there = 3;
    one(300);
    one(300);
    EXPECT_EQ(t.script->versions, (std::vector<std::uint64_t>{0, 1, 1, 1, 3, 3}));
    EXPECT_EQ(t.tasks->stats().here_tasks.value(), 1u);
    // A lane that is new has no version yet.
    t.tasks->revoke();
    one(300);
    there = 0;
    t.tasks->offer_lane(t.lane());
    t.poll();
    ASSERT_EQ(t.tasks->state(), LaneState::kUp);
    one(300);
    EXPECT_EQ(t.tasks->stats().here_tasks.value(), 3u);
    EXPECT_EQ(t.script->versions.size(), 6u);
    t.tasks.reset();
  }
}

// A version lives as long as a task that runs on it, no longer.
TEST(TaskAggregator, TasksKeepTheirTableVersion) {
  Bench t({.max_packets = 1, .deadline_ns = 10});
  t.whole.publish(1, 100);
  const std::weak_ptr<const void> first = t.whole.newest.owner;
  t.start();
  t.script->hold = true;
  t.extra = 100;
  ASSERT_TRUE(t.add());
  t.poll();
  t.whole.publish(2, 200);
  EXPECT_FALSE(first.expired());
  t.script->hold = false;
  t.drain();
  t.extra = 200;
  ASSERT_TRUE(t.add());
  t.drain();
  TaskAggregator::Ready r;
  EXPECT_FALSE(t.tasks->take(r));
  EXPECT_TRUE(first.expired());
}

TEST(TaskAggregator, ConstantsAreReadWhenATaskOpens) {
  Bench t({.max_packets = 1, .deadline_ns = 10});
  t.start();
  for (std::uint32_t word : {7u, 9u}) {
    t.whole.words[0] = t.extra = word;
    ASSERT_TRUE(t.add());
    ASSERT_NO_FATAL_FAILURE(t.drain());
  }
}

TEST(DeviceLane, SaysWhyItCannotBeOpened) {
  Bench t({});
  t.script->images_left = 3;
  const auto lane = DeviceLane::open(t.device, t.chains, t.frames.base(), t.frames.bytes(), lane_limits(t.limits));
  ASSERT_FALSE(lane);
  EXPECT_EQ(lane.error().text, "scripted: out of memory");
  EXPECT_EQ(t.script->open_queues, 0u);
  ASSERT_TRUE(prepare_device(t.device, t.chains, true));
  EXPECT_EQ(t.script->kernels, (std::vector<const KernelDecl*>{&kWhole, &kHeader, &kWhole, &kPayload}));
}

}  // namespace
}  // namespace fulcrum
