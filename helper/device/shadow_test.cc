// SPDX-License-Identifier: MIT
// shadow_test.cc - every bit that counts is compared, and no other.
#include "device/shadow.h"

#include <gtest/gtest.h>

#include "device/testing.h"

namespace fulcrum {
namespace {

using testing::Frames;
using testing::sum_decl;

// A chain run twice into two images.
struct Twice {
  explicit Twice(std::vector<ChainLink> chain) : plan(chain, false, {}), memory(plan.image_bytes(), 2), frames(1) {
    std::mt19937 random(11);
    while (frames.batch(0).count < 20) {
      auto f = testing::random_frame(random, 300);
      if (f.size() > 61 && f[12] == 8) frames.put(0, f);
    }
    task.image = memory.image(0);
    std::memset(task.image.host, 0x11, plan.image_bytes());
    std::memset(memory.image(1).host, 0x22, plan.image_bytes());
    fill.open(task, plan, nullptr);
    for (unsigned s = 0; s < plan.stages(); ++s) task.stage[s].layout.constants[1] = 1;  // even sums give 0
    fill.add(frames.batch(0), frames.batch(0).all());
    fill.close();
    run_stages(task, Isa::kV2, 0, task.count);
    fill.move_to(memory.image(1));
    run_stages(task, Isa::kV2, 0, task.count);
  }
  std::uint8_t* a() { return memory.image(0).host; }
  std::uint8_t* b() { return memory.image(1).host; }
  std::uint32_t result(unsigned s, unsigned k) { return fill.results(s, 0, ~Mask{0}).result(k); }
  // Which item differs when this byte of the device's image does?
  std::int64_t with_flipped(std::uint64_t at) {
    a()[at] ^= 0x40;
    const std::int64_t found = first_difference(fill, a(), b());
    a()[at] ^= 0x40;
    return found;
  }
  // Finds an item by the results of its first stage.
  std::uint32_t item(bool zero) {
    for (std::uint32_t k = 3; k < task.count; ++k)
      if ((result(0, k) == 0) == zero) return k;
    ADD_FAILURE() << "no such item";
    return 0;
  }
  ImagePlan plan;
  HostImages memory;
  Frames frames;
  DeviceTask task;
  TaskFill fill;
};

KernelDecl with_columns(KernelDecl d) {
  d.out_bytes = 4;
  return d;
}
const KernelDecl kRead = with_columns(sum_decl("read", PacketRange::kPayload));
const KernelDecl kWrite = with_columns(sum_decl("write", PacketRange::kDatagram, 0, {true, 16, 16}));
const KernelDecl kSome = [] {
  KernelDecl d = kWrite;
  d.write_if = Condition::kIfNonZero;
  return d;
}();

TEST(Shadow, EqualImagesOfDifferentNoiseAgree) {
  for (const auto& chain : {std::vector<ChainLink>{{&kRead}},
                            {{&kWrite}},
                            {{&kSome}},
                            {{&kWrite}, {&kWrite}},
                            {{&kRead}, {&kWrite, Condition::kIfZero}},
                            {{&kRead}, {&kSome, Condition::kIfNonZero}}}) {
    Twice t(chain);
    EXPECT_EQ(first_difference(t.fill, t.a(), t.b()), -1);
  }
}

TEST(Shadow, SeesResultsColumnsLengthsAndBytes) {
  Twice t({{&kWrite}});
  const fu_stage& l = t.task.stage[0].layout;
  const fu_task view{l, nullptr, t.a(), nullptr};
  for (std::uint32_t k : {0u, 7u, 19u}) {
    const std::uint64_t record = l.out_off + l.out_stride * k;
    EXPECT_EQ(t.with_flipped(record), k) << "result";
    EXPECT_EQ(t.with_flipped(record + 4), k) << "length";
    EXPECT_EQ(t.with_flipped(record + 8), k) << "column";
    const auto written = static_cast<std::uint64_t>(fu_write(&view, k) - t.a());
    const std::uint32_t length = fu_out(&view, k)[1];
    ASSERT_GT(length, 0u);
    EXPECT_EQ(t.with_flipped(written), k) << "first byte";
    EXPECT_EQ(t.with_flipped(written + length - 1), k) << "last byte";
    EXPECT_EQ(t.with_flipped(written + length), -1) << "behind it";
  }
}

TEST(Shadow, BytesThatNobodyTakesDoNotCount) {
  Twice t({{&kSome}});
  const fu_task view{t.task.stage[0].layout, nullptr, t.a(), nullptr};
  const auto written = [&](std::uint32_t k) { return static_cast<std::uint64_t>(fu_write(&view, k) - t.a()); };
  const std::uint32_t kept = t.item(true), changed = t.item(false);
  EXPECT_EQ(t.with_flipped(written(kept)), -1) << "the packet keeps its bytes";
  EXPECT_EQ(t.with_flipped(written(changed)), changed);
}

TEST(Shadow, ItemsThatLeftTheChainDoNotCount) {
  Twice t({{&kRead}, {&kWrite, Condition::kIfNonZero}});
  const fu_stage& l = t.task.stage[1].layout;
  const fu_task view{l, nullptr, t.a(), nullptr};
  const std::uint32_t left = t.item(true), stayed = t.item(false);
  for (std::uint32_t column : {4u, 8u}) {
    EXPECT_EQ(t.with_flipped(l.out_off + l.out_stride * left + column), -1);
    EXPECT_EQ(t.with_flipped(l.out_off + l.out_stride * stayed + column), stayed);
  }
  const auto written = [&](std::uint32_t k) { return static_cast<std::uint64_t>(fu_write(&view, k) - t.a()); };
  EXPECT_EQ(t.with_flipped(written(left)), -1);
  EXPECT_EQ(t.with_flipped(written(stayed)), stayed);
}

// A list whose end is not filled in, in memory that held something else before.
TEST(Shadow, ColumnsThatTheKernelLeavesUnsetDoNotCount) {
  KernelDecl lists = sum_decl("lists", PacketRange::kPayload);
  lists.out_bytes = 8;
  lists.cpu.v2 = [](const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
    for (fu_u32 k = first; k < first + count; ++k) {
      fu_u32* out = fu_out(&t, k);
      out[0] = k % 2;
      for (fu_u32 n = 0; n < out[0]; ++n) out[1 + n] = k;
    }
  };
  Twice t({{&lists}});
  EXPECT_NE(first_difference(t.fill, t.a(), t.b()), -1) << "noise of two kinds";
  copy_out_records(t.fill, t.a(), t.b());
  run_stages(t.task, Isa::kV2, 0, t.task.count);
  EXPECT_EQ(first_difference(t.fill, t.a(), t.b()), -1);
  const fu_stage& l = t.task.stage[0].layout;
  EXPECT_EQ(t.with_flipped(l.out_off + l.out_stride * 7 + 4), 7) << "one that is set";
}

// Of a chain's first writer nobody reads the bytes on the host where the second writes them again.
TEST(Shadow, BytesThatStayOnTheDeviceDoNotCount) {
  Twice t({{&kWrite}, {&kWrite}});
  const fu_task first{t.task.stage[0].layout, nullptr, t.a(), nullptr};
  const fu_task second{t.task.stage[1].layout, nullptr, t.a(), nullptr};
  EXPECT_EQ(t.with_flipped(static_cast<std::uint64_t>(fu_write(&first, 5) - t.a())), -1);
  EXPECT_EQ(t.with_flipped(static_cast<std::uint64_t>(fu_write(&second, 5) - t.a())), 5);
}

}  // namespace
}  // namespace fulcrum
