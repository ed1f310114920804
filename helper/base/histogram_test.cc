// SPDX-License-Identifier: MIT
// histogram_test.cc - classes, percentiles and differences.
#include "base/histogram.h"

#include <gtest/gtest.h>

#include <memory>

namespace fulcrum {
namespace {

TEST(Histogram, EveryValueLiesInItsClass) {
  std::size_t last = 0;
  for (std::uint64_t v = 0; v < (1ull << 41); v = v < 4096 ? v + 1 : v + v / 97) {
    std::size_t c = histogram::class_of(v);
    ASSERT_GE(c, last);
    ASSERT_LT(c, histogram::kClasses);
    if (v < (1ull << histogram::kMaxBits)) {
      ASSERT_LE(v, histogram::upper_bound(c));
      ASSERT_TRUE(c == 0 || v > histogram::upper_bound(c - 1)) << v;
      ASSERT_LE(static_cast<double>(histogram::upper_bound(c)), static_cast<double>(v) * (1 + 1.0 / 16) + 1);
    }
    last = c;
  }
}

TEST(Histogram, PercentilesOfAKnownSeries) {
  auto h = std::make_unique<Histogram>();
  for (std::uint64_t us = 1; us <= 1000; us++) h->record(us * 1000);
  HistogramSnapshot s = h->snapshot();
  EXPECT_EQ(s.count(), 1000u);
  EXPECT_NEAR(static_cast<double>(s.percentile(50)), 500e3, 500e3 / 16);
  EXPECT_NEAR(static_cast<double>(s.percentile(99)), 990e3, 990e3 / 16);
  EXPECT_GE(s.percentile(100), 1000000u);
  EXPECT_GE(s.percentile(0), 1000u);
}

TEST(Histogram, EmptyAnswersZero) { EXPECT_EQ(HistogramSnapshot{}.percentile(99), 0u); }

TEST(Histogram, DifferenceAndMerge) {
  auto h = std::make_unique<Histogram>();
  h->record(10, 5);
  HistogramSnapshot before = h->snapshot();
  h->record(1000, 3);
  HistogramSnapshot delta = h->snapshot().since(before);
  EXPECT_EQ(delta.count(), 3u);
  EXPECT_GE(delta.percentile(1), 1000u);
  delta.merge(before);
  EXPECT_EQ(delta.count(), 8u);
  EXPECT_EQ(delta.percentile(50), 10u);
}

}  // namespace
}  // namespace fulcrum
