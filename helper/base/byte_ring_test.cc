// SPDX-License-Identifier: MIT
// byte_ring_test.cc - records of any size come out as they went in; a value read by others is whole.
#include "base/byte_ring.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "base/seq_box.h"

namespace fulcrum {
namespace {

TEST(ByteRing, IsFullAndHasRoomAgain) {
  ByteRing ring(1024);
  unsigned pushed = 0;
  while (std::uint8_t* at = ring.reserve(100)) {
    at[0] = static_cast<std::uint8_t>(pushed++);
    ring.commit();
    ASSERT_LT(pushed, 100u);
  }
  EXPECT_GE(pushed, 8u);
  for (unsigned i = 0; i < pushed; ++i) {
    ASSERT_EQ(ring.front().size(), 100u);
    ASSERT_EQ(ring.front()[0], i);
    ring.pop();
  }
  EXPECT_EQ(ring.front().data(), nullptr);
  EXPECT_NE(ring.reserve(ring.max_record_bytes()), nullptr);
}

TEST(ByteRing, AnEmptyRecordIsARecord) {
  ByteRing ring(1024);
  ASSERT_NE(ring.reserve(0), nullptr);
  EXPECT_EQ(ring.front().data(), nullptr) << "not committed yet";
  ring.commit();
  EXPECT_NE(ring.front().data(), nullptr);
  EXPECT_EQ(ring.front().size(), 0u);
}

TEST(ByteRing, TwoThreadsKeepOrderAndBytes) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  constexpr unsigned kRecords = 20000;
  ByteRing ring(4096);
  std::thread producer([&] {
    std::mt19937 random(seed);
    for (unsigned n = 0; n < kRecords; ++n) {
      const std::size_t bytes = random() % (ring.max_record_bytes() + 1);
      std::uint8_t* at;
      while (!(at = ring.reserve(bytes))) std::this_thread::yield();
      std::memset(at, static_cast<int>(n & 0xff), bytes);
      ring.commit();
    }
  });
  std::mt19937 random(seed);
  unsigned wrong = 0;
  for (unsigned n = 0; n < kRecords; ++n) {
    const std::size_t bytes = random() % (ring.max_record_bytes() + 1);
    while (!ring.front().data()) std::this_thread::yield();
    const auto record = ring.front();
    wrong += record.size() != bytes;
    for (std::uint8_t b : record) wrong += b != (n & 0xff);
    ring.pop();
  }
  producer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(ring.front().data(), nullptr);
}

TEST(SeqBox, ReadersSeeNoHalfValue) {
  struct Value {
    std::uint64_t a, b[6];
    std::uint32_t c;
  };
  SeqBox<Value> box;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t n = 1; !stop.load(); ++n) box.store({n, {n, n, n, n, n, n}, static_cast<std::uint32_t>(n)});
  });
  unsigned torn = 0;
  for (unsigned k = 0; k < 100000; ++k) {
    const Value v = box.load();
    for (std::uint64_t b : v.b) torn += b != v.a;
    torn += v.c != static_cast<std::uint32_t>(v.a);
  }
  stop = true;
  writer.join();
  EXPECT_EQ(torn, 0u);
}

}  // namespace
}  // namespace fulcrum
