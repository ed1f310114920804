// SPDX-License-Identifier: MIT
// table_delta_test.cc - what is kept and uploaded makes the new version, byte by byte, and no more is uploaded.
#include "device/table_delta.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace fulcrum {
namespace {

using Bytes = std::vector<std::uint8_t>;

// What the device holds after the delta.
Bytes apply(const TableDelta& d, const Bytes& was, const Bytes& is) {
  Bytes device(is.size(), 0xee);
  std::copy_n(was.begin(), d.keep_bytes, device.begin());
  for (const Segment64& s : d.upload) std::memcpy(device.data() + s.offset, is.data() + s.offset, s.bytes);
  return device;
}

TEST(TableDelta, SamePagesAreNotListed) {
  Bytes was(10 * 4096, 1), is = was;
  EXPECT_TRUE(changed_pages(was.data(), was.size(), is.data(), is.size()).empty());
  is[4096] = 2;          // first byte of page 1
  is[3 * 4096 - 1] = 2;  // last of page 2: joined to it
  is[9 * 4096 + 5] = 2;
  const std::vector<Segment64> want = {{4096, 2 * 4096}, {9 * 4096, 4096}};
  EXPECT_EQ(changed_pages(was.data(), was.size(), is.data(), is.size()), want);
}

TEST(TableDelta, LongerAndShorterVersions) {
  const Bytes was(5000, 1), longer(9000, 1), shorter(4500, 1);
  // Page 1 of the old version ends early, so it is part of what differs.
  EXPECT_EQ(changed_pages(was.data(), was.size(), longer.data(), longer.size()),
            (std::vector<Segment64>{{4096, 9000 - 4096}}));
  EXPECT_TRUE(changed_pages(was.data(), was.size(), shorter.data(), shorter.size()).empty());
  EXPECT_EQ(changed_pages(nullptr, 0, was.data(), was.size()), (std::vector<Segment64>{{0, 5000}}));
  EXPECT_TRUE(changed_pages(was.data(), was.size(), nullptr, 0).empty());
}

TEST(TableDelta, AllAtOnceWhereThatIsNoMore) {
  const Bytes was(64 * 4096, 1);
  Bytes is = was;
  for (std::size_t page = 0; page < 40; ++page) is[page * 4096] = 2;
  const TableDelta most = plan_delta(was.data(), was.size(), is.data(), is.size());
  EXPECT_EQ(most.keep_bytes, 0u);
  EXPECT_EQ(most.upload, (std::vector<Segment64>{{0, is.size()}}));
  EXPECT_EQ(plan_delta(nullptr, 0, is.data(), is.size()).upload, most.upload);
  EXPECT_TRUE(plan_delta(nullptr, 0, nullptr, 0).upload.empty());
}

TEST(TableDelta, RandomVersions) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 500; ++i) {
    Bytes was(random() % 20000);
    for (std::uint8_t& b : was) b = static_cast<std::uint8_t>(random());
    Bytes is = was;
    is.resize(random() % 4 ? was.size() : random() % 20000, 7);
    for (unsigned c = is.empty() ? 0 : random() % 8; c--;) is[random() % is.size()] ^= 0x55;
    const TableDelta d = plan_delta(was.data(), was.size(), is.data(), is.size(), 256);
    ASSERT_EQ(apply(d, was, is), is);
    std::uint64_t sum = 0, last_end = 0;
    for (const Segment64& s : d.upload) {
      ASSERT_TRUE(sum == 0 || s.offset > last_end) << "in order, joined";
      last_end = s.offset + s.bytes;
      ASSERT_LE(last_end, is.size());
      sum += s.bytes;
    }
    ASSERT_EQ(sum, d.upload_bytes);
    if (d.keep_bytes) {
      std::uint64_t differ = 0;
      for (std::uint64_t at = 0; at < is.size(); at += 256) {
        const std::uint64_t n = std::min<std::uint64_t>(256, is.size() - at);
        if (at + n > was.size() || std::memcmp(&was[at], &is[at], n)) differ += n;
      }
      ASSERT_EQ(d.upload_bytes, differ) << "not more than the pages that differ";
    }
  }
}

}  // namespace
}  // namespace fulcrum
