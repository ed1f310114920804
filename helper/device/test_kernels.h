// SPDX-License-Identifier: MIT
// test_kernels.h - declarations of test_kernels.core.h, and tasks of any kernels with what must come out.
//
// For tests of back ends: the expected results come from the kernel's own C++ build.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "device/task_image.h"
#include "device/test_kernels.core.h"

namespace fulcrum::device {

extern const char test_kernels_opencl[];

namespace {

template <void (*run)(const fu_task*, fu_u32, fu_u32)>
void on_cpu(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  run(&t, first, count);
}

[[maybe_unused]] constexpr KernelDecl kTestSum{.name = "test_sum",
                                               .read = {.range = PacketRange::kPayload},
                                               .write = {},
                                               .in_bytes = 4,
                                               .out_bytes = 4,
                                               .cpu = {.v2 = on_cpu<test_sum_run>},
                                               .opencl = test_kernels_opencl};
[[maybe_unused]] constexpr KernelDecl kTestFlip{.name = "test_flip",
                                                .read = {.range = PacketRange::kPayload, .align = 4},
                                                .write = {.present = true, .growth_bytes = 4, .align = 16},
                                                .cpu = {.v2 = on_cpu<test_flip_run>},
                                                .opencl = test_kernels_opencl};
[[maybe_unused]] constexpr KernelDecl kTestStray{.name = "test_stray",
                                                 .read = {.range = PacketRange::kPayload},
                                                 .write = {},
                                                 .cpu = {.v2 = on_cpu<test_stray_run>},
                                                 .opencl = test_kernels_opencl};

}  // namespace

// Frames of random IPv4 packets; some without payload.
class TestFrames {
 public:
  static constexpr std::uint32_t kFrameBytes = 2048;
  TestFrames(std::uint32_t packets, std::mt19937& random) : bytes_(std::uint64_t{packets} * kFrameBytes) {
    memory_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(4096, (bytes_ + 4096) & ~std::uint64_t{4095})));
    for (std::uint64_t i = 0; i < bytes_; i += 4) {
      const auto word = static_cast<std::uint32_t>(random());
      std::memcpy(memory_.get() + i, &word, 4);
    }
    for (std::uint32_t k = 0; k < packets; ++k) {
      const std::uint32_t length = 60 + random() % 1455;
      length_.push_back(length);
      payload_.push_back(random() % 8 ? 42 : 0);
      std::uint8_t* ip = memory_.get() + std::uint64_t{k} * kFrameBytes + 14;
      ip[0] = 0x45;
      ip[2] = static_cast<std::uint8_t>((length - 14) >> 8);
      ip[3] = static_cast<std::uint8_t>(length - 14);
    }
  }
  const std::uint8_t* data() const { return memory_.get(); }
  std::uint64_t bytes() const { return bytes_; }
  // Up to 64 packets from `first` on.
  void batch(std::uint32_t first, std::uint32_t count, Batch& b) const {
    b.count = count;
    for (std::uint32_t i = 0; i < count; ++i) {
      b.data[i] = memory_.get() + std::uint64_t{first + i} * kFrameBytes;
      b.len[i] = length_[first + i];
      b.l3_off[i] = 14;
      b.l4_off[i] = 34;
      b.payload_off[i] = payload_[first + i];
      b.flags[i] = FULCRUM_META_IP4;
      b.reset_results(i);
    }
  }

 private:
  struct Free {
    void operator()(std::uint8_t* p) const { std::free(p); }
  };
  std::unique_ptr<std::uint8_t[], Free> memory_;
  std::uint64_t bytes_;
  std::vector<std::uint32_t> length_;
  std::vector<std::uint16_t> payload_;
};

// A task over random packets, and its results.
class TestTask {
 public:
  // Made in `queue`'s memory; the plan outlives it.
  TestTask(DeviceQueue& queue, const ImagePlan& plan) : plan_(plan) {
    const auto memory = queue.allocate(plan.image_bytes());
    EXPECT_TRUE(memory) << memory.error().text;
    task.image = *memory;
  }

  // Packets 0 .. count - 1 of `frames`, random in columns and constants.
  void fill(const TestFrames& frames, std::uint32_t count, std::mt19937& random, const KernelTable& table = {}) {
    fill_.open(task, plan_, frames.data());
    for (std::uint32_t at = 0; at < count; at += kBatchSize) {
      frames.batch(at, std::min(kBatchSize, count - at), batch_);
      ASSERT_TRUE(fill_.fits(batch_, batch_.all()));
      const std::uint32_t first = fill_.add(batch_, batch_.all());
      for (unsigned s = 0; s < plan_.stages(); ++s)
        for (unsigned i = 0; i < batch_.count; ++i)
          for (unsigned c = 0; c < plan_.kernel(s).in_bytes / 4; ++c)
            fill_.columns(s, first, batch_.all()).of(i)[c] = static_cast<std::uint32_t>(random());
    }
    for (unsigned s = 0; s < plan_.stages(); ++s) {
      for (fu_u32& c : task.stage[s].layout.constants) c = static_cast<std::uint32_t>(random());
      task.stage[s].table = table;
      if (table.bytes && table.bytes < 1u << 31)
        task.stage[s].layout.constants[1] = static_cast<fu_u32>(table.bytes - 3);  // for test_sum
    }
    fill_.close();
    for (const Segment& s : task.out) std::memset(task.image.host + s.offset, 0xee, s.bytes);
  }

  // What must come out. Context: after fill() and changes to the task, before submit().
  void expect() {
    want_.assign(task.image.host, task.image.host + plan_.image_bytes());
    for (unsigned s = 0; s < task.stages; ++s) {
      const TaskStage& stage = task.stage[s];
      const fu_task t{stage.layout, task.frames, want_.data(), static_cast<const fu_u8*>(stage.table.data)};
      stage.kernel->cpu.v2(t, 0, task.count);
    }
  }

  // Out records, and written bytes that come back.
  void check() const {
    ASSERT_FALSE(task.failed);
    for (unsigned s = 0; s < task.stages; ++s) {
      const fu_stage& l = task.stage[s].layout;
      for (std::uint32_t k = 0; k < task.count; ++k) {
        const std::uint8_t* got = task.image.host + l.out_off + std::size_t{l.out_stride} * k;
        const std::uint8_t* want = want_.data() + l.out_off + std::size_t{l.out_stride} * k;
        ASSERT_EQ(std::memcmp(got, want, l.out_stride), 0) << "record of item " << k << ", stage " << s;
        if (!l.writes || !comes_back(l.write_off)) continue;
        const auto at = l.write_off + word(want_.data() + l.in_off + std::size_t{l.in_stride} * k);
        ASSERT_EQ(std::memcmp(task.image.host + at, want_.data() + at, word(want + 4)), 0)
            << "bytes of item " << k << ", stage " << s;
      }
    }
  }

  DeviceTask task;

 private:
  static std::uint32_t word(const std::uint8_t* p) {
    std::uint32_t v;
    std::memcpy(&v, p, 4);
    return v;
  }
  bool comes_back(std::uint32_t offset) const {
    for (const Segment& s : task.out)
      if (offset >= s.offset && offset < s.offset + s.bytes) return true;
    return false;
  }
  const ImagePlan& plan_;
  TaskFill fill_;
  Batch batch_;
  std::vector<std::uint8_t> want_;
};

}  // namespace fulcrum::device
