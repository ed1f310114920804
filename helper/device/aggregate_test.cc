// SPDX-License-Identifier: MIT
// aggregate_test.cc - limits, order, a slow or full device, lanes that come and go, table versions.
#include "device/aggregate.h"

#include <gtest/gtest.h>

#include "device/aggregate_testing.h"

namespace fulcrum {
namespace {

using testing::Bench;
using testing::kHeader;
using testing::kPayload;
using testing::kWhole;
using testing::TestOffload;

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

// What a worker without packets must not sleep through: the control thread destroys the old device.
TEST(TaskAggregator, ChangesItsLaneWithNothingHeld) {
  Bench t({});
  t.start();
  EXPECT_FALSE(t.tasks->wants_turn());
  EXPECT_FALSE(t.tasks->offer_pending());
  t.tasks->revoke();
  EXPECT_TRUE(t.tasks->wants_turn());
  t.tasks->offer_lane(t.lane());
  EXPECT_TRUE(t.tasks->offer_pending());
  EXPECT_FALSE(t.tasks->take_old_lane());
  t.poll();
  EXPECT_FALSE(t.tasks->wants_turn());
  EXPECT_FALSE(t.tasks->offer_pending());
  EXPECT_EQ(t.tasks->state(), LaneState::kUp);
  EXPECT_TRUE(t.tasks->take_old_lane());
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
          ASSERT_EQ(r.results.stage(0).result(i), testing::plain_sum(b.data[i] + range.offset, range.length) + extra);
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
