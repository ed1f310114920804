// SPDX-License-Identifier: MIT
// aggregate_test.cc - gathering, limits, order, a slow, full, failing or lost device.
#include "device/aggregate.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <random>

namespace fulcrum {
namespace {

// Sum of the range's bytes plus 1000 times its length.
void checksum_kernel(const KernelArgs& k) noexcept {
  for (std::uint32_t i = 0; i < k.count; ++i) {
    k.result[i] = 1000 * k.length[i];
    for (std::uint32_t j = 0; j < k.length[i]; ++j) k.result[i] += k.base[k.offset[i] + j];
  }
}
constexpr KernelDecl kWhole = {"whole", PacketRange::kWhole, 0, checksum_kernel, nullptr, nullptr};
constexpr KernelDecl kHeader = {"header", PacketRange::kL3Header, 24, checksum_kernel, nullptr, nullptr};
constexpr KernelDecl kPayload = {"payload", PacketRange::kPayload, 0, checksum_kernel, nullptr, nullptr};

struct TestOffload final : Offload {
  explicit TestOffload(const KernelDecl& k) : decl(k) {}
  const KernelDecl& kernel() const noexcept override { return decl; }
  KernelTable table() noexcept override { return {}; }
  void finish(Batch&, Mask, const std::uint32_t*, Mask*) noexcept override {}
  const KernelDecl& decl;
};

// Runs a task when it is polled, and lets it go only when `hold` is off.
struct TestQueue final : DeviceQueue {
  DeviceStatus submit(DeviceTask* task) noexcept override {
    if (status != DeviceStatus::kOk) return status;
    if (tasks.size() == depth) return DeviceStatus::kFull;
    tasks.push_back(task);
    most = std::max<std::size_t>(most, tasks.size());
    return DeviceStatus::kOk;
  }
  DeviceTask* poll() noexcept override {
    if (hold || tasks.empty()) return nullptr;
    DeviceTask* t = tasks.front();
    tasks.pop_front();
    std::memset(t->result, 0xee, t->count * sizeof(std::uint32_t));
    t->failed = fail;
    if (!fail) t->kernel->run({t->count, t->base, t->offset, t->length, t->table.data, t->result});
    t->service_ns = 5;
    return t;
  }
  unsigned in_flight() const noexcept override { return static_cast<unsigned>(tasks.size()); }

  std::deque<DeviceTask*> tasks;
  std::size_t depth = 2, most = 0;
  DeviceStatus status = DeviceStatus::kOk;
  bool hold = false, fail = false;
};

struct Frames {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(256 * 64 * 64);
  std::vector<Batch> batches;
  explicit Frames(std::mt19937& random, unsigned count) : batches(count) {
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
    for (unsigned n = 0; n < count; ++n) fill(batches[n], n, random);
  }
  void fill(Batch& b, unsigned n, std::mt19937& random) {
    b.count = 1 + random() % kBatchSize;
    for (unsigned i = 0; i < b.count; ++i) {
      b.data[i] = &bytes[(n % 64 * 64 + i) * 256];
      b.len[i] = 62 + random() % 190;
      b.l3_off[i] = 14, b.l4_off[i] = 34, b.payload_off[i] = 42;
      b.flags[i] = FULCRUM_META_IP4;
      b.data[i][16] = 0, b.data[i][17] = static_cast<std::uint8_t>(28 + random() % (b.len[i] - 42));
    }
  }
};

std::uint32_t expected(const KernelDecl& decl, const Batch& b, unsigned i) {
  std::uint32_t begin = 0, end = b.len[i];
  if (decl.range == PacketRange::kL3Header) begin = 14, end = 14 + 24;
  if (decl.range == PacketRange::kPayload) begin = 42, end = 14u + b.data[i][17];
  std::uint32_t sum = 1000 * (end - begin);
  for (; begin < end; ++begin) sum += b.data[i][begin];
  return sum;
}

void expect_results(const KernelDecl& decl, const Batch& b, Mask mask, const std::uint32_t* result) {
  for_each(mask, [&](unsigned i) { ASSERT_EQ(*result++, expected(decl, b, i)); });
}

Walk* walk_of(std::size_t n) { return reinterpret_cast<Walk*>(n * 64 + 64); }  // only handed through

TEST(TaskAggregator, GivesEachBatchItsResultsInOrderAtAnyPace) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Frames frames(random, 64);
  for (const KernelDecl* decl : {&kWhole, &kHeader, &kPayload}) {
    TestQueue queue;
    TestOffload offload(*decl);
    TaskAggregator aggregator(queue, frames.bytes.data(), {.max_packets = 60, .deadline_ns = 500, .tasks = 5});
    std::vector<Mask> mask(frames.batches.size());
    std::size_t added = 0, taken = 0;
    std::uint64_t now = 0;
    while (taken < mask.size()) {
      queue.hold = random() % 8 != 0;
      if (added < mask.size()) {
        mask[added] = frames.batches[added].all() & (random() | std::uint64_t{random()} << 32);
        mask[added] |= 1;
        added += aggregator.add(&frames.batches[added], walk_of(added), mask[added], &offload, now);
      }
      aggregator.poll(now += random() % 20);
      for (TaskAggregator::Ready r; random() % 4 && aggregator.take(r); ++taken) {
        ASSERT_EQ(r.batch, &frames.batches[taken]);
        ASSERT_EQ(r.walk, walk_of(taken));
        expect_results(*decl, *r.batch, mask[taken], r.result);
      }
    }
    EXPECT_TRUE(aggregator.idle());
    EXPECT_EQ(queue.most, 2u);
    EXPECT_EQ(aggregator.stats().fallback_tasks.value(), 0u);
  }
}

TEST(TaskAggregator, ClosesATaskBySizeBytesAndDeadline) {
  std::mt19937 random(1);
  Frames frames(random, 4);
  for (Batch& b : frames.batches) b.count = 64, frames.fill(b, 0, random);
  TestQueue queue;
  TestOffload offload(kWhole);
  queue.hold = true;
  TaskAggregator by_size(queue, frames.bytes.data(), {.max_packets = 2, .deadline_ns = 1000});
  ASSERT_TRUE(by_size.add(&frames.batches[0], walk_of(0), 3, &offload, 100));
  by_size.poll(100);
  EXPECT_EQ(queue.in_flight(), 1u);
  TestQueue second;
  TaskAggregator by_time(second, frames.bytes.data(), {.deadline_ns = 1000});
  ASSERT_TRUE(by_time.add(&frames.batches[0], walk_of(0), 1, &offload, 100));
  by_time.poll(1099);
  EXPECT_EQ(by_time.stats().tasks.value(), 0u);
  by_time.poll(1100);
  EXPECT_EQ(by_time.stats().tasks.value(), 1u);
  TestQueue third;
  TaskAggregator by_bytes(third, frames.bytes.data(), {.max_bytes = 60, .deadline_ns = 1000});
  ASSERT_TRUE(by_bytes.add(&frames.batches[0], walk_of(0), 1, &offload, 100));
  by_bytes.poll(100);
  EXPECT_EQ(by_bytes.stats().tasks.value(), 1u);
  queue.hold = false;
}

TEST(TaskAggregator, KeepsOneOpenTaskPerElementAndFreesTheWayWhenNoneIsLeft) {
  std::mt19937 random(2);
  Frames frames(random, 3);
  TestQueue queue;
  TestOffload one(kWhole), two(kHeader), three(kPayload);
  TaskAggregator aggregator(queue, frames.bytes.data(), {.deadline_ns = ~0ull, .tasks = 2});
  ASSERT_TRUE(aggregator.add(&frames.batches[0], walk_of(0), 1, &one, 1));
  ASSERT_TRUE(aggregator.add(&frames.batches[1], walk_of(1), 1, &two, 2));
  ASSERT_FALSE(aggregator.add(&frames.batches[2], walk_of(2), 1, &three, 3));
  aggregator.poll(4);
  TaskAggregator::Ready r;
  ASSERT_TRUE(aggregator.take(r));
  EXPECT_EQ(r.batch, &frames.batches[0]);
  ASSERT_TRUE(aggregator.add(&frames.batches[2], walk_of(2), 1, &three, 5));
  ASSERT_TRUE(aggregator.take(r));
  EXPECT_EQ(r.batch, &frames.batches[1]);
  expect_results(kHeader, *r.batch, 1, r.result);
  EXPECT_FALSE(aggregator.take(r));
  aggregator.flush();
  aggregator.poll(6);
  ASSERT_TRUE(aggregator.take(r));
  expect_results(kPayload, *r.batch, 1, r.result);
}

TEST(TaskAggregator, RunsFailedAndRefusedTasksHere) {
  std::mt19937 random(3);
  Frames frames(random, 40);
  TestQueue queue;
  TestOffload offload(kWhole);
  TaskAggregator aggregator(queue, frames.bytes.data(), {.max_packets = 1});
  std::size_t taken = 0;
  for (std::size_t n = 0; n < frames.batches.size(); ++n) {
    queue.fail = n % 3 == 1;
    if (n == 20) queue.status = DeviceStatus::kGone;
    const Mask all = frames.batches[n].all();
    ASSERT_TRUE(aggregator.add(&frames.batches[n], walk_of(n), all, &offload, n));
    aggregator.poll(n);
    for (TaskAggregator::Ready r; aggregator.take(r); ++taken) {
      ASSERT_EQ(r.batch, &frames.batches[taken]);
      expect_results(kWhole, *r.batch, r.batch->all(), r.result);
    }
  }
  EXPECT_EQ(taken, 40u);
  EXPECT_TRUE(aggregator.gone());
  EXPECT_EQ(aggregator.stats().fallback_tasks.value(), 27u);  // 7 failed, 20 refused
}

TEST(TaskAggregator, OrderHoldsWhenTheDeviceGoesWithTasksInFlight) {
  std::mt19937 random(4);
  Frames frames(random, 4);
  TestQueue queue;
  TestOffload offload(kWhole);
  TaskAggregator aggregator(queue, frames.bytes.data(), {.max_packets = 1});
  queue.hold = true;
  for (std::size_t n = 0; n < 4; ++n) {
    if (n == 2) queue.status = DeviceStatus::kGone;
    ASSERT_TRUE(aggregator.add(&frames.batches[n], walk_of(n), 1, &offload, n));
    aggregator.poll(n);
  }
  TaskAggregator::Ready r;
  EXPECT_FALSE(aggregator.take(r));  // run here already, but behind two in flight
  queue.hold = false;
  aggregator.poll(9);
  for (std::size_t n = 0; n < 4; ++n) {
    ASSERT_TRUE(aggregator.take(r));
    EXPECT_EQ(r.batch, &frames.batches[n]);
  }
}

}  // namespace
}  // namespace fulcrum
