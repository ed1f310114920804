// SPDX-License-Identifier: MIT
// aggregate_loss_test.cc - a device that is lost in any way costs no packet and no order.
#include <gtest/gtest.h>

#include "device/aggregate_testing.h"

namespace fulcrum {
namespace {

using testing::Bench;

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

}  // namespace
}  // namespace fulcrum
