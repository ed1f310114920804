// SPDX-License-Identifier: MIT
// replay_test.cc - replay window and sequence counter against plain models, and under races.
#include "plugins/esp/replay.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace fulcrum::esp {
namespace {

std::mt19937_64 seeded() {
  const char* set = std::getenv("FULCRUM_TEST_SEED");
  const std::uint64_t seed = set ? std::strtoull(set, nullptr, 0) : std::random_device{}();
  std::printf("FULCRUM_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return std::mt19937_64(seed);
}

// RFC 4303 3.4.3 and A2, word for word: a set and the highest number.
struct Model {
  std::uint32_t size;
  std::uint64_t top = 0;
  std::set<std::uint64_t> seen;
  bool may_take(std::uint64_t n) const { return n && (top < size || n > top - size) && !seen.count(n); }
  bool take(std::uint64_t n) {
    if (!may_take(n)) return false;
    seen.insert(n);
    top = std::max(top, n);
    return true;
  }
};

std::uint64_t next_number(std::mt19937_64& random, std::uint64_t top) {
  switch (random() % 6) {
    case 0:
      return top + 1;
    case 1:
      return top + random() % 5000;
    case 2:
      return top > 3000 ? top - random() % 3000 : random() % 3000;
    case 3:
      return random() % 8 ? top : top + random() % 100000;
    default:
      return top > 100 ? top - random() % 100 : random() % 100;
  }
}

TEST(ReplayWindow, TakesWhatAPlainModelTakes) {
  std::mt19937_64 random = seeded();
  for (std::uint32_t size : {32u, 33u, 64u, 65u, 100u, 128u, 1000u, 1024u, 2048u, 65536u}) {
    ReplayWindow window(size);
    Model model{size, 0, {}};
    for (int n = 0; n < 30000; ++n) {
      const std::uint64_t number = next_number(random, model.top);
      ASSERT_EQ(window.may_take(number), model.may_take(number)) << size << " " << number << " top " << model.top;
      if (random() % 4) {
        ASSERT_EQ(window.take(number), model.take(number)) << size << " " << number << " top " << model.top;
      }
    }
    EXPECT_EQ(window.top(), model.top);
  }
}

TEST(ReplayWindow, FindsTheUpperHalf) {
  std::mt19937_64 random = seeded();
  ReplayWindow window(64);
  std::uint64_t top = 0;
  for (int n = 0; n < 4000; ++n) {
    top += random() % 3 ? random() % 64 : random() % 0x7fffffff;
    ASSERT_TRUE(top == window.top() || window.take(top));
    for (std::uint64_t back = 0; back < 64 && back < top; ++back)
      ASSERT_EQ(window.upper_half(static_cast<std::uint32_t>(top - back)), (top - back) >> 32) << top << " - " << back;
    const std::uint64_t ahead = top + 1 + random() % 0x7ffffff0;
    ASSERT_EQ(window.upper_half(static_cast<std::uint32_t>(ahead)), ahead >> 32) << top << " to " << ahead;
  }
  EXPECT_GT(top >> 32, 3u);
}

TEST(ReplayWindow, NothingIsTakenTwiceInARace) {
  constexpr unsigned kThreads = 4, kNumbers = 40000;
  ReplayWindow window(1024);
  std::vector<std::atomic<unsigned>> taken(kNumbers + 1);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([&] {
      for (std::uint64_t n = 1; n <= kNumbers; ++n)
        if (window.take(n)) taken[n].fetch_add(1);
    });
  for (std::thread& t : threads) t.join();
  unsigned sum = 0;
  for (const auto& n : taken) {
    ASSERT_LE(n.load(), 1u);
    sum += n.load();
  }
  EXPECT_EQ(sum, kNumbers);  // the leader misses none
}

TEST(SequenceCounter, EndsBeforeItRepeats) {
  SequenceCounter narrow(false);
  EXPECT_EQ(narrow.take(), 1u);
  narrow.start_behind(0xfffffffd);
  EXPECT_EQ(narrow.take(), 0xfffffffeu);
  EXPECT_EQ(narrow.take(), 0xffffffffu);
  for (int n = 0; n < 1000; ++n) ASSERT_EQ(narrow.take(), 0u);
  SequenceCounter wide(true);
  wide.start_behind(0xffffffff);
  EXPECT_EQ(wide.take(), 0x100000000u);
}

TEST(SequenceCounter, GivesEachNumberOnceToRacingThreads) {
  SequenceCounter counter(false);
  counter.start_behind(0xffffffff - 20000);
  std::vector<std::vector<std::uint64_t>> got(4);
  std::vector<std::thread> threads;
  for (auto& mine : got)
    threads.emplace_back([&] {
      for (int n = 0; n < 10000; ++n)
        if (const std::uint64_t number = counter.take()) mine.push_back(number);
    });
  for (std::thread& t : threads) t.join();
  std::set<std::uint64_t> all;
  for (const auto& mine : got) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20000u);
  EXPECT_EQ(*all.rbegin(), 0xffffffffu);
  EXPECT_EQ(counter.take(), 0u);
}

}  // namespace
}  // namespace fulcrum::esp
