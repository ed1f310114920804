// SPDX-License-Identifier: MIT
// manycore_test.cc - results, order, many tasks in flight, shutdown.
#include "device/manycore.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/spsc_ring.h"
#include "device/testing.h"

namespace fulcrum {
namespace {

using testing::Frames;

const KernelDecl kByPackets = testing::sum_decl("by_packets", PacketRange::kL3Header, 40);
const KernelDecl kByBytes = testing::sum_decl("by_bytes", PacketRange::kPayload);
const KernelDecl kWhole = testing::sum_decl("whole", PacketRange::kWhole);
const KernelDecl kRewrite = testing::sum_decl("rewrite", PacketRange::kWhole, 0, {true, 8, 16});

void slow_kernel(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  for (const std::uint64_t end_ns = now_ns() + 3'000'000; now_ns() < end_ns;) {
  }
  testing::sum_kernel(t, first, count);
}
const KernelDecl kSlow{.name = "slow", .read = {PacketRange::kL3Header, 40}, .cpu = {slow_kernel}};

std::atomic<bool> stuck{false};
void stuck_kernel(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  while (stuck.load(std::memory_order_relaxed)) usleep(1000);
  testing::sum_kernel(t, first, count);
}
const KernelDecl kStuck{.name = "stuck", .read = {PacketRange::kL3Header, 40}, .cpu = {stuck_kernel}};

// A task with packets and image of its own.
struct Work {
  Work(std::vector<ChainLink> chain, unsigned batches, std::mt19937& random)
      : plan(chain, true, {.items = kBatchSize * std::max(batches, 1u)}),
        memory(plan.image_bytes(), 1),
        frames(std::max(batches, 1u)) {
    task.image = memory.image(0);
    std::memset(task.image.host, 0xee, plan.image_bytes());
    fill.open(task, plan, frames.base());
    for (unsigned n = 0; n < batches; ++n) {
      frames.fill(n, 1 + random() % kBatchSize, n % 2 ? 1500 : 100, random);
      first.push_back(fill.add(frames.batch(n), frames.batch(n).all()));
    }
    fill.close();
  }
  void check() const {
    for (std::size_t n = 0; n < first.size(); ++n) {
      Batch& b = const_cast<Frames&>(frames).batch(n);
      for (unsigned s = 0; s < plan.stages(); ++s) {
        const ReadBlock& read = plan.kernel(s).read;
        const ItemResults r = fill.results(s, first[n], b.all());
        for (unsigned i = 0; i < b.count; ++i) {
          const ByteRange range = packet_range(b, i, read.range, read.max_bytes);
          ASSERT_EQ(r.result(i), testing::plain_sum(b.data[i] + range.offset, range.length)) << plan.kernel(s).name;
        }
      }
    }
  }
  ImagePlan plan;
  HostImages memory;
  Frames frames;
  DeviceTask task;
  TaskFill fill;
  std::vector<std::uint32_t> first;
};

std::vector<ChainLink> some_chain(unsigned n) {
  const std::vector<ChainLink> kChains[] = {
      {{&kByPackets}}, {{&kByBytes}}, {{&kByBytes}, {&kByPackets}}, {{&kByBytes}, {&kWhole}}, {{&kRewrite}}};
  return kChains[n % 5];
}

std::unique_ptr<ManycoreDevice> open_device(unsigned threads, unsigned max_in_flight) {
  auto device = ManycoreDevice::open({.threads = threads, .cpus = {}, .max_in_flight = max_in_flight});
  EXPECT_TRUE(device) << device.error().text;
  return std::move(*device);
}

DeviceTask* wait(DeviceQueue& queue) {
  for (const std::uint64_t end_ns = now_ns() + 20'000'000'000; now_ns() < end_ns;)
    if (DeviceTask* done = queue.poll()) return done;
  return nullptr;
}

std::unique_ptr<DeviceQueue> open_queue(Device& device) {
  auto queue = device.open_queue(nullptr, 0);
  EXPECT_TRUE(queue) << queue.error().text;
  return std::move(*queue);
}

TEST(Manycore, ResultsAndOrderWithManyInFlight) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (unsigned threads : {1u, 3u}) {
    const auto device = open_device(threads, 4);
    const auto queue = open_queue(*device);
    std::vector<std::unique_ptr<Work>> works;
    for (unsigned i = 0; i < 150; ++i)
      works.push_back(std::make_unique<Work>(some_chain(i), i % 7 ? random() % 8 : i % 2, random));
    std::size_t submitted = 0, polled = 0;
    std::uint64_t packets = 0;
    while (polled < works.size()) {
      while (submitted < works.size()) {
        const DeviceStatus status = queue->submit(&works[submitted]->task);
        if (status == DeviceStatus::kFull) break;
        ASSERT_EQ(status, DeviceStatus::kOk);
        ++submitted;
      }
      ASSERT_LE(queue->in_flight(), 4u);
      if (DeviceTask* done = queue->poll()) {
        ASSERT_EQ(done, &works[polled]->task) << "in the order of submission";
        ASSERT_NO_FATAL_FAILURE(works[polled]->check());
        ASSERT_FALSE(done->failed);
        packets += done->count;
        ++polled;
      }
    }
    const DeviceInfo info = device->info();
    EXPECT_EQ(info.tasks, works.size());
    EXPECT_EQ(info.packets, packets);
    EXPECT_GT(info.busy_ns, 0u);
    EXPECT_GT(info.launch_us, 0);
    EXPECT_EQ(info.health, DeviceHealth::kUp);
  }
}

TEST(Manycore, QueuesOfSeveralWorkers) {
  const auto device = open_device(2, 3);
  std::vector<std::thread> workers;
  for (unsigned w = 0; w < 3; ++w)
    workers.emplace_back([queue = open_queue(*device), w]() {
      std::mt19937 random(w);
      for (unsigned i = 0; i < 30; ++i) {
        Work a(some_chain(0), 3, random), b(some_chain(i), 5, random);
        ASSERT_EQ(queue->submit(&a.task), DeviceStatus::kOk);
        ASSERT_EQ(queue->submit(&b.task), DeviceStatus::kOk);
        ASSERT_EQ(wait(*queue), &a.task);
        ASSERT_EQ(wait(*queue), &b.task);
        ASSERT_NO_FATAL_FAILURE(a.check());
        ASSERT_NO_FATAL_FAILURE(b.check());
      }
    });
  for (std::thread& t : workers) t.join();
}

TEST(Manycore, ShutdownFinishesWorkInFlight) {
  std::mt19937 random(1);
  Work a({{&kSlow}}, 8, random), b({{&kSlow}}, 8, random), late({{&kSlow}}, 1, random);
  {
    auto device = open_device(2, 2);
    auto queue = open_queue(*device);
    ASSERT_EQ(queue->submit(&a.task), DeviceStatus::kOk);
    ASSERT_EQ(queue->submit(&b.task), DeviceStatus::kOk);
    device.reset();
    EXPECT_EQ(queue->submit(&late.task), DeviceStatus::kGone);
    ASSERT_EQ(wait(*queue), &a.task);
    EXPECT_GE(a.task.service_ns, 3'000'000u);
  }  // the queue waits for b
  a.check();
  b.check();
}

// The owner gives up on a slow task and uses it for other work; the late threads must not notice.
TEST(Manycore, AnAbandonedTaskIsTheOwnersAgain) {
  std::mt19937 random(2);
  auto device = open_device(1, 4);
  auto queue = open_queue(*device);
  Work w({{&kStuck}}, 2, random), behind({{&kByBytes}}, 2, random);
  stuck = true;
  ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kOk);
  ASSERT_EQ(queue->submit(&behind.task), DeviceStatus::kOk);
  queue->abandon();
  EXPECT_EQ(queue->submit(&behind.task), DeviceStatus::kGone);
  EXPECT_FALSE(queue->poll());
  for (Work* work : {&w, &behind}) {
    HostImages other(work->plan.image_bytes(), 1);
    work->fill.move_to(other.image(0));
    work->task.stage[0].layout = {};  // as if laid out anew
    work->task.stages = 0;
    work->task.image = {};
  }
  stuck = false;
  queue.reset();  // waits for the threads: they wrote where they were told to at first
  device.reset();
}

// A kernel that never ends costs its thread, not the one who takes the device down.
TEST(Manycore, CanBeTakenDownWithAKernelThatNeverEnds) {
  std::mt19937 random(3);
  Work w({{&kStuck}}, 1, random);
  {
    auto device = open_device(1, 1);
    auto queue = open_queue(*device);
    stuck = true;
    ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kOk);
    queue->abandon();
    const std::uint64_t start_ns = now_ns();
    queue.reset();
    device.reset();
    EXPECT_LT(now_ns() - start_ns, 10'000'000'000u);
  }
  stuck = false;
  usleep(20'000);  // it ends in memory that is still there
}

TEST(Manycore, QueuesAreUsedAgain) {
  const auto device = open_device(1, 1);
  std::mt19937 random(1);
  for (unsigned i = 0; i < 3 * ManycoreDevice::kMaxQueues; ++i) {
    const auto queue = open_queue(*device);
    Work w(some_chain(0), 1, random);
    ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kOk);
    ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kFull);
    ASSERT_TRUE(wait(*queue));
    ASSERT_NO_FATAL_FAILURE(w.check());
  }
}

TEST(Manycore, IdleThreadsSleep) {
  const auto device = open_device(1, 1);
  const auto queue = open_queue(*device);
  std::mt19937 random(1);
  Work w(some_chain(0), 1, random);
  ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kOk);
  ASSERT_TRUE(wait(*queue));
  const auto cpu_us = [] {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec * 1'000'000 + u.ru_utime.tv_usec + u.ru_stime.tv_sec * 1'000'000 + u.ru_stime.tv_usec;
  };
  const auto before_us = cpu_us();
  usleep(200'000);
  EXPECT_LT(cpu_us() - before_us, 50'000) << "of 200 ms";
  ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kOk);
  EXPECT_TRUE(wait(*queue)) << "it wakes";
}

TEST(Manycore, RefusesCpusThatAreNotThere) {
  const auto device = ManycoreDevice::open({.threads = 1, .cpus = {4000}, .max_in_flight = 1});
  ASSERT_FALSE(device);
  EXPECT_NE(device.error().text.find("cpu 4000"), std::string::npos) << device.error().text;
  EXPECT_FALSE(ManycoreDevice::open({.threads = 100000, .cpus = {}, .max_in_flight = 1}));
}

TEST(SpscRing, KeepsOrderAndBounds) {
  SpscRing<unsigned> ring(4);
  for (unsigned i = 0; i < 4; ++i) EXPECT_TRUE(ring.try_push(i));
  EXPECT_FALSE(ring.try_push(4));
  constexpr unsigned kCount = 100000;
  std::thread producer([&] {
    for (unsigned i = 4; i < kCount;)
      if (ring.try_push(i))
        ++i;
      else
        std::this_thread::yield();
  });
  for (unsigned want = 0; want < kCount;) {
    unsigned got;
    if (!ring.try_pop(got)) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(got, want++);
  }
  producer.join();
}

}  // namespace
}  // namespace fulcrum
