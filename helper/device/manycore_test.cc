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

namespace fulcrum {
namespace {

// Sum of the item's bytes, plus one where there is a table word.
void sum_kernel(const KernelArgs& a) noexcept {
  for (std::uint32_t k = 0; k < a.count; ++k) {
    std::uint32_t sum = a.table ? *static_cast<const std::uint32_t*>(a.table) : 0;
    for (std::uint32_t i = 0; i < a.length[k]; ++i) sum += a.base[a.offset[k] + i];
    a.result[k] = sum;
  }
}
constexpr KernelDecl kByPackets{"sum", PacketRange::kL3Header, 40, sum_kernel, nullptr, nullptr};
constexpr KernelDecl kByBytes{"sum", PacketRange::kPayload, 0, sum_kernel, nullptr, nullptr};

void slow_kernel(const KernelArgs& a) noexcept {
  for (const std::uint64_t end_ns = now_ns() + 3'000'000; now_ns() < end_ns;) {
  }
  sum_kernel(a);
}
constexpr KernelDecl kSlow{"slow", PacketRange::kL3Header, 40, slow_kernel, nullptr, nullptr};

// A task with its own buffers and the results it must come back with.
struct Work {
  DeviceTask task;
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> offset, length, result, want;

  Work(const KernelDecl& kernel, std::uint32_t count, std::mt19937& random) : bytes(70000) {
    for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random());
    for (std::uint32_t k = 0; k < count; ++k) {
      length.push_back(random() % 1500);
      offset.push_back(random() % 60000);
    }
    result.assign(count, 0xdeadbeef);
    want.resize(count);
    task.kernel = &kernel;
    task.base = bytes.data();
    task.offset = offset.data();
    task.length = length.data();
    task.count = task.capacity = count;
    for (std::uint32_t n : length) task.bytes += n;
    task.result = want.data();
    sum_kernel({count, task.base, task.offset, task.length, nullptr, task.result});
    task.result = result.data();
  }
};

std::unique_ptr<ManycoreDevice> open_device(unsigned threads, unsigned max_in_flight) {
  auto device = ManycoreDevice::open({.threads = threads, .cpus = {}, .max_in_flight = max_in_flight});
  EXPECT_TRUE(device) << device.error().text;
  return std::move(*device);
}

DeviceTask* wait(DeviceQueue& queue) {
  for (;;)
    if (DeviceTask* done = queue.poll()) return done;
}

TEST(Manycore, ResultsAndOrderWithManyInFlight) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (unsigned threads : {1u, 3u}) {
    const auto device = open_device(threads, 4);
    const auto queue = device->open_queue();
    std::vector<std::unique_ptr<Work>> works;
    for (unsigned i = 0; i < 300; ++i)
      works.push_back(std::make_unique<Work>(i % 2 ? kByPackets : kByBytes, i % 7 ? random() % 1024 : i % 2, random));
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
        ASSERT_EQ(works[polled]->result, works[polled]->want);
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
    EXPECT_EQ(info.state, "up");
  }
}

TEST(Manycore, QueuesOfSeveralWorkers) {
  const auto device = open_device(2, 3);
  std::vector<std::thread> workers;
  for (unsigned w = 0; w < 3; ++w)
    workers.emplace_back([queue = device->open_queue(), w]() {
      std::mt19937 random(w);
      for (unsigned i = 0; i < 60; ++i) {
        Work a(kByPackets, 200, random), b(kByBytes, 300, random);
        ASSERT_EQ(queue->submit(&a.task), DeviceStatus::kOk);
        ASSERT_EQ(queue->submit(&b.task), DeviceStatus::kOk);
        ASSERT_EQ(wait(*queue), &a.task);
        ASSERT_EQ(wait(*queue), &b.task);
        ASSERT_EQ(a.result, a.want);
        ASSERT_EQ(b.result, b.want);
      }
    });
  for (std::thread& t : workers) t.join();
}

TEST(Manycore, ShutdownFinishesWorkInFlight) {
  std::mt19937 random(1);
  Work a(kSlow, 500, random), b(kSlow, 500, random), late(kSlow, 1, random);
  {
    auto device = open_device(2, 2);
    auto queue = device->open_queue();
    ASSERT_EQ(queue->submit(&a.task), DeviceStatus::kOk);
    ASSERT_EQ(queue->submit(&b.task), DeviceStatus::kOk);
    device.reset();
    EXPECT_EQ(queue->submit(&late.task), DeviceStatus::kGone);
    ASSERT_EQ(wait(*queue), &a.task);
    EXPECT_GE(a.task.service_ns, 3'000'000u);
  }  // the queue waits for b
  EXPECT_EQ(a.result, a.want);
  EXPECT_EQ(b.result, b.want);
}

TEST(Manycore, QueuesAreUsedAgain) {
  const auto device = open_device(1, 1);
  std::mt19937 random(1);
  for (unsigned i = 0; i < 3 * ManycoreDevice::kMaxQueues; ++i) {
    const auto queue = device->open_queue();
    ASSERT_NE(queue, nullptr);
    Work w(kByPackets, 3, random);
    ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kOk);
    ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kFull);
    wait(*queue);
    ASSERT_EQ(w.result, w.want);
  }
}

TEST(Manycore, IdleThreadsSleep) {
  const auto device = open_device(1, 1);
  const auto queue = device->open_queue();
  std::mt19937 random(1);
  Work w(kByPackets, 3, random);
  ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kOk);
  wait(*queue);
  const auto cpu_us = [] {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec * 1'000'000 + u.ru_utime.tv_usec + u.ru_stime.tv_sec * 1'000'000 + u.ru_stime.tv_usec;
  };
  const auto before_us = cpu_us();
  usleep(200'000);
  EXPECT_LT(cpu_us() - before_us, 50'000) << "of 200 ms";
  ASSERT_EQ(queue->submit(&w.task), DeviceStatus::kOk);
  wait(*queue);  // it wakes
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
