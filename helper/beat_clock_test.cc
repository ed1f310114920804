// SPDX-License-Identifier: MIT
// beat_clock_test.cc - a worker that loses its CPU at any point reorders nothing.
#include "beat_clock.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <deque>
#include <random>

namespace fulcrum {
namespace {

constexpr std::uint64_t kMs = 1'000'000, kLimitNs = 100 * kMs, kPacketEveryNs = kMs / 2;

TEST(BeatClock, TheFirstHeartbeatIsNotLate) {
  BeatClock c(kLimitNs);
  EXPECT_FALSE(c.wrote(1000 * kMs, 1000 * kMs));
  EXPECT_EQ(c.deadline_ns(), 1075 * kMs);
}

TEST(BeatClock, CountsTheTimeUntilItWasWritten) {
  BeatClock c(kLimitNs);
  EXPECT_FALSE(c.wrote(1000 * kMs, 1000 * kMs));
  // Off the CPU for 60 ms before the clock was read and for 60 ms after.
  EXPECT_TRUE(c.wrote(1060 * kMs, 1120 * kMs)) << "XDP saw no heartbeat for 120 ms";
  EXPECT_FALSE(c.wrote(1121 * kMs, 1121 * kMs));
}

// One flow. XDP puts packets on the ring while the heartbeat is fresh and lets
// them pass at once when it is not; the worker's steps are those of Worker::run().
class Stalling {
 public:
  explicit Stalling(std::uint32_t seed) : random_(seed) {}

  void run() {
    for (unsigned turn = 0; turn < 2000; ++turn) {
      const std::uint64_t now = read_clock();
      std::deque<std::uint64_t> batch;
      ring_.swap(batch);
      elapse();
      // Asked for each packet as it leaves, in bpf/return.bpf.c.
      for (; !batch.empty() && now_ns_ <= clock_.deadline_ns(); batch.pop_front(), elapse())
        if (batch.front() >= discard_) emit(batch.front(), sent);
      dropped += batch.size();
      if (now - clock_.beat_ns() >= kMs) beat(now);
    }
  }

  std::uint64_t sent = 0, passed = 0, dropped = 0, reordered = 0;

 private:
  void beat(std::uint64_t now) {
    elapse();
    beat_ns_ = now;
    elapse();
    if (clock_.wrote(now, read_clock())) discard_ = number_;
    elapse();
  }
  // Time goes on: mostly little, now and then as long as a busy machine takes.
  void elapse() {
    const std::uint64_t r = random_() % 100;
    const std::uint64_t until = now_ns_ + (r < 80 ? random_() % kMs : random_() % (r < 98 ? 90 * kMs : 300 * kMs));
    for (; next_ns_ <= until; next_ns_ += kPacketEveryNs) {
      if (beat_ns_ && next_ns_ <= beat_ns_ + kLimitNs)
        ring_.push_back(number_++);
      else
        emit(number_++, passed);
    }
    now_ns_ = until;
  }
  std::uint64_t read_clock() {
    const std::uint64_t t = now_ns_;
    elapse();
    return t;
  }
  void emit(std::uint64_t number, std::uint64_t& counter) {
    reordered += number < last_;
    last_ = std::max(last_, number);
    ++counter;
  }

  std::mt19937 random_;
  BeatClock clock_{kLimitNs};
  std::uint64_t now_ns_ = 1000 * kMs, next_ns_ = now_ns_, beat_ns_ = 0;
  std::uint64_t number_ = 0, last_ = 0, discard_ = 0;
  std::deque<std::uint64_t> ring_;
};

TEST(BeatClock, NothingIsReorderedWhereverTheWorkerIsStopped) {
  const std::uint32_t seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  for (std::uint32_t i = 0; i < 50; ++i) {
    Stalling s(seed + i);
    s.run();
    ASSERT_EQ(s.reordered, 0u) << "seed " << seed + i;
    ASSERT_GT(s.sent, 1000u) << "seed " << seed + i;
    ASSERT_GT(s.passed, 1000u) << "seed " << seed + i;
    ASSERT_GT(s.dropped, 0u) << "seed " << seed + i;
  }
}

}  // namespace
}  // namespace fulcrum
