// SPDX-License-Identifier: MIT
// opencl_kernels.cc - each kernel on small tasks on the first OpenCL device, against its C++ build.
//
// Small enough for oclgrind, which runs a work item at a time and looks at every
// access. A kernel is a row of kRows.
#include <gtest/gtest.h>

#include <functional>

#include "base/clock.h"
#include "device/opencl.h"
#include "device/test_kernels.h"
#include "plugins/ids/kernel.h"
#include "plugins/ids/match_build.h"
#include "plugins/route/kernel.h"
#include "plugins/route/lpm_build.h"

namespace fulcrum {
namespace {

using device::TestFrames;
using device::TestTask;

struct Row {
  const char* name;
  std::vector<ChainLink> chain;
  KernelTable table;
  // Brings random in columns and constants into the range that the kernels expect, or null.
  std::function<void(DeviceTask&)> adjust;
};

KernelTable words_of(std::vector<std::uint64_t> words) {
  auto data = std::make_shared<std::vector<std::uint64_t>>(std::move(words));
  return {data, data->data(), data->size() * 8, 1, 1};
}

template <class T>
KernelTable table_of(T built) {
  const auto owner = std::make_shared<T>(std::move(built));
  return {owner, owner->data(), owner->bytes(), 1, 1};
}

// Prefixes of several lengths, so that lookups end at the root, in a node and behind it.
KernelTable some_routes(std::mt19937& random) {
  std::vector<RouteEntry> routes;
  for (std::uint32_t k = 1; k < 400; ++k) {
    RouteEntry r{};
    for (std::uint8_t& b : r.prefix.addr) b = static_cast<std::uint8_t>(random());
    r.prefix.v6 = k % 3 == 0;
    r.prefix.length = static_cast<std::uint8_t>(1 + random() % (r.prefix.v6 ? 64 : 32));
    r.next_hop = k;
    routes.push_back(r);
  }
  return table_of(route::build_lpm(routes, 1u << 24));
}

// One and two random bytes are found in nearly every packet, longer ones in some.
KernelTable some_patterns(std::mt19937& random) {
  std::vector<ids::Pattern> patterns;
  for (unsigned k = 0; k < 40; ++k) {
    std::string bytes(k < 4 ? 2 : 3 + k % 9, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    patterns.push_back({bytes, k % 2 == 0});
  }
  return table_of(ids::build_match(patterns));
}

std::vector<Row> rows(std::mt19937& random) {
  return {
      {"route_lookup", {{&route::kLookupKernel}}, some_routes(random), nullptr},
      {"payload_match", {{&ids::kMatchKernel}}, some_patterns(random), nullptr},
      {"sum", {{&device::kTestSum}}, words_of({1, 2, 3, 4}), nullptr},
      {"flip", {{&device::kTestFlip}}, {}, nullptr},
      {"flip-sum", {{&device::kTestFlip}, {&device::kTestSum, Condition::kIfNonZero}}, {}, nullptr},
  };
}

constexpr ImageLimits kLimits{.items = 130, .read_bytes = 1 << 17};

std::unique_ptr<Device> open(const std::vector<ChainLink>& chain) {
  auto device = open_opencl({.cache_dir = "none"});
  EXPECT_TRUE(device) << device.error().text;
  for (const ChainLink& link : chain) {
    const auto added = (*device)->add_kernel(*link.kernel);
    EXPECT_TRUE(added) << added.error().text;
  }
  return std::move(*device);
}

// Under a tool that watches every access a task takes seconds.
bool finish(DeviceQueue& queue) {
  for (const std::uint64_t end_ns = now_ns() + 60'000'000'000; now_ns() < end_ns;)
    if (queue.poll()) return true;
  return false;
}

TEST(Kernels, AnswerAsTheCpuDoes) {
  if (opencl_devices().empty()) GTEST_SKIP() << "no OpenCL device";
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const TestFrames frames(kLimits.items, random);
  for (const Row& row : rows(random)) {
    SCOPED_TRACE(row.name);
    const auto device = open(row.chain);
    ASSERT_TRUE(device->load_table(row.table));
    auto queue = device->open_queue(frames.data(), frames.bytes());
    ASSERT_TRUE(queue) << queue.error().text;
    ASSERT_TRUE((*queue)->resident(row.table));
    const ImagePlan plan(row.chain, (*queue)->in_place(), kLimits);
    TestTask t(**queue, plan);
    for (const std::uint32_t count : {0u, 1u, 5u, 67u}) {
      t.fill(frames, count, random, row.table);
      if (row.adjust) row.adjust(t.task);
      t.expect();
      ASSERT_EQ((*queue)->submit(&t.task), DeviceStatus::kOk);
      ASSERT_TRUE(finish(**queue));
      t.check();
      if (HasFatalFailure()) return;
    }
  }
}

// Run with no driver registered.
TEST(NoDriver, IsAnErrorThatSaysWhatToInstall) {
  if (!opencl_devices().empty()) GTEST_SKIP() << "there is a driver";
  const auto device = open_opencl({.cache_dir = "none"});
  ASSERT_FALSE(device);
  EXPECT_NE(device.error().text.find("pocl-opencl-icd"), std::string::npos) << device.error().text;
}

// A read behind the image, for the proof that such are found. Its value is whatever is there.
TEST(Stray, ReadsBehindTheImage) {
  std::mt19937 random(1);
  const TestFrames frames(1, random);
  const std::vector<ChainLink> chain = {{&device::kTestStray}};
  const auto device = open(chain);
  auto queue = device->open_queue(nullptr, 0);
  ASSERT_TRUE(queue) << queue.error().text;
  const ImagePlan plan(chain, false, {.items = 8, .read_bytes = 4096});
  TestTask t(**queue, plan);
  t.fill(frames, 1, random);
  t.task.stage[0].layout.constants[0] = static_cast<fu_u32>(t.task.image.bytes);
  ASSERT_EQ((*queue)->submit(&t.task), DeviceStatus::kOk);
  EXPECT_TRUE(finish(**queue));
}

}  // namespace
}  // namespace fulcrum
