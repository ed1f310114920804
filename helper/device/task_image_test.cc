// SPDX-License-Identifier: MIT
// task_image_test.cc - what kernels see of gathered and in-place tasks, what is copied, what is put back.
#include "device/task_image.h"

#include <gtest/gtest.h>

#include <memory>

#include "device/testing.h"

namespace fulcrum {
namespace {

using testing::Frames;
using testing::plain_sum;
using testing::sum_decl;

const WriteBlock kGrows{true, 24, 16};
const KernelDecl kWhole = sum_decl("whole", PacketRange::kWhole);
const KernelDecl kDatagram = sum_decl("datagram", PacketRange::kDatagram);
const KernelDecl kHeader = sum_decl("header", PacketRange::kL3Header, 40);
const KernelDecl kHeader20 = sum_decl("header20", PacketRange::kL3Header, 20);
const KernelDecl kPayload = sum_decl("payload", PacketRange::kPayload);
const KernelDecl kPayloadHead = sum_decl("payload_head", PacketRange::kPayload, 33);
const KernelDecl kRewrite = sum_decl("rewrite", PacketRange::kDatagram, 0, kGrows);
const KernelDecl kRewriteWhole = sum_decl("rewrite_whole", PacketRange::kWhole, 0, {true, 0, 64});
const KernelDecl kRewriteHead = sum_decl("rewrite_head", PacketRange::kL3Header, 40, {true, 24, 4});

using Chain = std::vector<ChainLink>;

// A task in memory of its own, filled with noise first.
struct Task {
  Task(const Chain& chain, bool in_place, const Frames& frames, ImageLimits limits = {})
      : plan(chain, in_place, limits), memory(plan.image_bytes(), 1) {
    task.image = memory.image(0);
    std::memset(task.image.host, 0xee, plan.image_bytes());
    fill.open(task, plan, in_place ? frames.base() : nullptr);
  }
  void run() {
    fill.close();
    run_stages(task, Isa::kV2, 0, task.count);
  }
  ImagePlan plan;
  HostImages memory;
  DeviceTask task;
  TaskFill fill;
};

class TaskImage : public ::testing::Test {
 protected:
  TaskImage() { RecordProperty("seed", std::to_string(seed_)); }
  Mask random_mask(const Batch& b) {
    const Mask m = b.all() & (random_() | std::uint64_t{random_()} << 32);
    return m ? m : 1;
  }
  unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
};

// The bytes of packet i that `kernel` reads, found from the frame alone.
std::uint32_t expected(const Batch& b, unsigned i, const KernelDecl& kernel) {
  const ByteRange r = packet_range(b, i, kernel.read.range, kernel.read.max_bytes);
  return plain_sum(b.data[i] + r.offset, r.length);
}

TEST_F(TaskImage, KernelsSeeTheSameBytesGatheredAndInPlace) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  const Chain chains[] = {
      {{&kWhole}},
      {{&kDatagram}},
      {{&kHeader}},
      {{&kPayload}},
      {{&kPayloadHead}},
      {{&kPayload}, {&kHeader}},
      {{&kHeader}, {&kPayload}, {&kWhole}, {&kHeader20}},
      {{&kPayloadHead}, {&kPayload}},
      {{&kHeader20}, {&kHeader}},
      {{&kPayload}, {&kDatagram}, {&kPayloadHead}},
  };
  Frames frames(6);
  for (unsigned round = 0; round < 20; ++round) {
    for (std::size_t n = 0; n < frames.size(); ++n)
      frames.fill(n, 1 + random_() % kBatchSize, round % 2 ? 1900 : 90, random_);
    for (const Chain& chain : chains) {
      for (bool in_place : {true, false}) {
        Task t(chain, in_place, frames);
        std::vector<std::pair<Mask, std::uint32_t>> added;
        for (std::size_t n = 0; n < frames.size(); ++n) {
          const Mask m = random_mask(frames.batch(n));
          ASSERT_TRUE(t.fill.fits(frames.batch(n), m));
          added.emplace_back(m, t.fill.add(frames.batch(n), m));
        }
        t.run();
        for (std::size_t n = 0; n < frames.size(); ++n)
          for (unsigned s = 0; s < chain.size(); ++s) {
            const ItemResults r = t.fill.results(s, added[n].second, added[n].first);
            for_each(added[n].first, [&](unsigned i) {
              ASSERT_EQ(r.result(i), expected(frames.batch(n), i, *chain[s].kernel))
                  << chain[s].kernel->name << " stage " << s << " of " << chain.size() << " in place " << in_place;
            });
          }
      }
    }
  }
}

TEST_F(TaskImage, GatheredItemsAreAligned) {
  KernelDecl aligned = kPayload;
  aligned.read.align = 64;
  Frames frames(1);
  frames.fill(0, 64, 300, random_);
  Task t({{&aligned}}, false, frames);
  t.fill.add(frames.batch(0), ~Mask{0});
  t.fill.close();
  const fu_task view{t.task.stage[0].layout, nullptr, t.task.image.host, nullptr};
  for (std::uint32_t k = 0; k < 64; ++k) {
    std::uint32_t length;
    const std::uint8_t* at = fu_range(&view, k, &length);
    ASSERT_TRUE(at >= view.image && at + length <= view.image + t.plan.image_bytes()) << k << " of " << length;
    if (length) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(at) % 64, 0u) << k;
    }
  }
}

std::uint64_t sum_of_lengths(const Batch& b, Mask m, PacketRange range, std::uint32_t max_bytes) {
  std::uint64_t sum = 0;
  for_each(m, [&](unsigned i) { sum += packet_range(b, i, range, max_bytes).length; });
  return sum;
}

// What goes to a device and back is the declared minimum, and no more.
TEST_F(TaskImage, CopiesWhatIsDeclaredAndNothingElse) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  Frames frames(1);
  frames.fill(0, 64, 1500, random_);
  const Batch& b = frames.batch(0);
  const std::uint64_t payload = sum_of_lengths(b, ~Mask{0}, PacketRange::kPayload, 0);
  const std::uint64_t header = sum_of_lengths(b, ~Mask{0}, PacketRange::kL3Header, 40);
  const std::uint64_t datagram = sum_of_lengths(b, ~Mask{0}, PacketRange::kDatagram, 0);
  const std::uint64_t whole = sum_of_lengths(b, ~Mask{0}, PacketRange::kWhole, 0);
  struct Case {
    Chain chain;
    std::uint64_t range_records, gathered, alone;  // alone: bytes that the stages would read one by one
  };
  const Case cases[] = {
      {{{&kPayload}}, 1, payload, payload},
      {{{&kHeader}}, 1, header, header},
      {{{&kHeader}, {&kHeader}}, 1, header, 2 * header},  // the same range: one record, gathered once
      {{{&kPayload}, {&kDatagram}}, 2, datagram, payload + datagram},
      {{{&kDatagram}, {&kPayload}}, 2, datagram, payload + datagram},
      {{{&kPayload}, {&kHeader}}, 2, datagram, payload + header},
      {{{&kWhole}, {&kPayload}, {&kDatagram}}, 3, whole, whole + payload + datagram},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.chain[0].kernel->name + std::string(" of ") + std::to_string(c.chain.size()));
    Task t(c.chain, false, frames);
    t.fill.add(b, ~Mask{0});
    t.fill.close();
    EXPECT_EQ(t.task.in.total_bytes(), 64 * 8 * c.range_records + c.gathered);
    EXPECT_EQ(t.task.out.total_bytes(), 64 * 4 * c.chain.size());
    EXPECT_EQ(t.task.saved_bytes, c.alone > c.gathered ? c.alone - c.gathered : 0);
    Task in_place(c.chain, true, frames);
    in_place.fill.add(b, ~Mask{0});
    in_place.fill.close();
    EXPECT_EQ(in_place.task.in.total_bytes(), 64 * 8 * c.range_records);
    for (const Task* task : {&t, &in_place})
      for (const SegmentList* list : {&task->task.in, &task->task.out})
        for (const Segment& s : *list) EXPECT_LE(s.offset + s.bytes, task->plan.image_bytes());
  }
}

// Of two writers of a chain only the last one's bytes come back, if it writes all that the first did.
TEST_F(TaskImage, BytesThatAreWrittenAgainStayOnTheDevice) {
  Frames frames(1);
  frames.fill(0, 64, 800, random_);
  Task t({{&kRewrite}, {&kRewrite}}, false, frames);
  EXPECT_FALSE(t.plan.copies_out(0));
  EXPECT_TRUE(t.plan.copies_out(1));
  t.fill.add(frames.batch(0), ~Mask{0});
  t.fill.close();
  const std::uint64_t datagram = sum_of_lengths(frames.batch(0), ~Mask{0}, PacketRange::kDatagram, 0);
  EXPECT_GE(t.task.out.total_bytes(), datagram + 64 * (2 * 8 + 2 * 24));
  EXPECT_LT(t.task.out.total_bytes(), datagram + 64 * (2 * 8 + 2 * 24 + 16) + 64);
  EXPECT_GE(t.task.saved_bytes, datagram);
  // One that leaves packets out does not relieve the first.
  Task part({{&kRewrite}, {&kRewrite, Condition::kIfNonZero}}, false, frames);
  EXPECT_TRUE(part.plan.copies_out(0));
  KernelDecl some = kRewrite;
  some.write_if = Condition::kIfNonZero;
  Task maybe({{&kRewrite}, {&some}}, false, frames);
  EXPECT_TRUE(maybe.plan.copies_out(0));
  Task same({{&some}, {&kRewrite, Condition::kIfNonZero}}, false, frames);
  EXPECT_FALSE(same.plan.copies_out(0));
}

// Growth, alignment, and packets that are left as they are.
TEST_F(TaskImage, PutsBackWhatWasWritten) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  KernelDecl odd = kRewrite;
  odd.write_if = Condition::kIfNonZero;
  const KernelDecl rewrite_payload = sum_decl("rewrite_payload", PacketRange::kPayload, 0, kGrows);
  for (const KernelDecl* kernel : {&kRewrite, &kRewriteWhole, &kRewriteHead, &rewrite_payload, &std::as_const(odd)})
    for (bool in_place : {true, false})
      for (std::uint32_t growth : {0u, 7u, kernel->write.growth_bytes}) {
        growth = std::min(growth, kernel->write.growth_bytes);
        Frames frames(2);
        std::vector<std::vector<std::uint8_t>> before;
        for (std::size_t n = 0; n < 2; ++n) frames.fill(n, 64, 700, random_);
        Task t({{kernel}}, in_place, frames);
        t.task.stage[0].layout.constants[1] = kernel->write_if == Condition::kIfNonZero;
        t.task.stage[0].layout.constants[2] = growth;
        const Mask masks[] = {random_mask(frames.batch(0)), random_mask(frames.batch(1))};
        std::uint32_t first[2];
        for (std::size_t n = 0; n < 2; ++n) first[n] = t.fill.add(frames.batch(n), masks[n]);
        t.run();
        const fu_task view{t.task.stage[0].layout, t.task.frames, t.task.image.host, nullptr};
        for (std::uint32_t k = 0; k < t.task.count; ++k)
          ASSERT_EQ((fu_write(&view, k) - view.image) % kernel->write.align, 0) << kernel->name;
        for (std::size_t n = 0; n < 2; ++n) {
          Batch& b = frames.batch(n);
          std::vector<std::vector<std::uint8_t>> want;
          const Mask who = masks[n] & (random_() | 1ull << 63 | masks[n] << 1);
          for (unsigned i = 0; i < b.count; ++i) {
            std::vector<std::uint8_t> f(b.data[i], b.data[i] + b.len[i]);
            const ByteRange r = packet_range(b, i, kernel->read.range, kernel->read.max_bytes);
            const std::uint32_t result = t.fill.results(0, first[n], masks[n]).result(std::min(i, 63u));
            const bool changes = (who >> i & 1) && holds(kernel->write_if, (masks[n] >> i & 1) ? result : 0);
            if (changes && r.length) {
              const std::uint32_t offset = packet_range(b, i, kernel->read.range, 0).offset;
              for (std::uint32_t k = r.offset; k < r.offset + r.length; ++k) ++f[k];
              f.resize(offset + r.length);
              f.resize(f.size() + growth, 0xab);
            }
            want.push_back(f);
          }
          t.fill.put_back(0, first[n], masks[n], who, b);
          for (unsigned i = 0; i < b.count; ++i)
            ASSERT_EQ(std::vector<std::uint8_t>(b.data[i], b.data[i] + b.len[i]), want[i])
                << kernel->name << " packet " << i << " in place " << in_place << " growth " << growth;
        }
      }
}

// A stage that reads what the one before wrote.
TEST_F(TaskImage, ReadsWhatTheStageBeforeWrote) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  for (bool in_place : {true, false}) {
    Frames frames(1);
    frames.fill(0, 64, 700, random_);
    Batch& b = frames.batch(0);
    Task t({{&kRewrite}, {&kHeader}}, in_place, frames);
    t.task.stage[0].layout.constants[2] = 24;
    ASSERT_EQ(t.task.stage[1].layout.source, std::uint32_t{FU_READ_STAGE});
    t.fill.add(b, ~Mask{0});
    t.run();
    for (unsigned i = 0; i < b.count; ++i) {
      const ByteRange r = packet_range(b, i, PacketRange::kDatagram, 0);
      std::vector<std::uint8_t> wrote(b.data[i] + r.offset, b.data[i] + r.offset + r.length);
      for (std::uint8_t& byte : wrote) ++byte;
      if (r.length) wrote.resize(wrote.size() + 24, 0xab);
      const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(wrote.size(), 40));
      ASSERT_EQ(t.fill.results(1, 0, ~Mask{0}).result(i), plain_sum(wrote.data(), length)) << i;
    }
  }
}

TEST(CanFollow, OnlyWhereTheBytesCanBeFoundAgain) {
  EXPECT_TRUE(can_follow({}, kPayload));
  const Chain reads{{&kPayload}};
  for (const KernelDecl* next : {&kWhole, &kDatagram, &kHeader, &kPayload, &kRewrite})
    EXPECT_TRUE(can_follow(reads, *next)) << next->name;
  const Chain wrote{{&kRewrite}};
  EXPECT_TRUE(can_follow(wrote, kRewrite));
  EXPECT_TRUE(can_follow(wrote, kHeader)) << "starts where it wrote";
  EXPECT_FALSE(can_follow(wrote, kPayload)) << "what it wrote has another L4 header";
  EXPECT_FALSE(can_follow(wrote, kWhole));
  const Chain wrote_head{{&kRewriteHead}};
  EXPECT_FALSE(can_follow(wrote_head, kDatagram)) << "what stood behind is gone";
  const Chain wrote_before{{&kRewrite}, {&kHeader}};
  EXPECT_FALSE(can_follow(wrote_before, kHeader)) << "the way leads to the direct successor only";
  EXPECT_TRUE(can_follow(Chain(kMaxStages - 1, {&kPayload}), kPayload));
  EXPECT_FALSE(can_follow(Chain(kMaxStages, {&kPayload}), kPayload));
}

TEST_F(TaskImage, FitsUpToItsLimits) {
  Frames frames(3);
  for (std::size_t n = 0; n < 3; ++n)
    for (unsigned i = 0; i < 64; ++i) frames.put(n, std::vector<std::uint8_t>(1000, 7));
  Task by_items({{&kWhole}}, false, frames, {.items = 100, .read_bytes = 1 << 20});
  EXPECT_TRUE(by_items.fill.fits(frames.batch(0), ~Mask{0}));
  by_items.fill.add(frames.batch(0), ~Mask{0});
  EXPECT_TRUE(by_items.fill.fits(frames.batch(1), mask_of(36)));
  EXPECT_FALSE(by_items.fill.fits(frames.batch(1), mask_of(37)));
  Task by_bytes({{&kWhole}}, false, frames, {.items = 200, .read_bytes = 100'000});
  by_bytes.fill.add(frames.batch(0), ~Mask{0});
  EXPECT_TRUE(by_bytes.fill.fits(frames.batch(1), mask_of(36)));
  EXPECT_FALSE(by_bytes.fill.fits(frames.batch(1), mask_of(37)));
}

// Filled to the limits, all of the widest chain stays inside the image, in parts that do not overlap.
TEST_F(TaskImage, TheFullestTaskStaysInItsImage) {
  Frames frames(2);
  for (std::size_t n = 0; n < 2; ++n)
    for (unsigned i = 0; i < 64; ++i) {
      std::vector<std::uint8_t> f(1014 + i, 9);
      f[12] = 8, f[13] = 0, f[14] = 0x45, f[16] = 3, f[17] = 0xe8;
      frames.put(n, f);
    }
  KernelDecl one = kRewrite, two = kRewrite;
  one.read.align = two.write.align = 64;
  one.in_bytes = 12, two.out_bytes = 20;
  for (bool in_place : {true, false}) {
    Task t({{&one}, {&two}}, in_place, frames, {.items = 128, .read_bytes = 128'000});
    for (std::size_t n = 0; n < 2; ++n) {
      ASSERT_TRUE(t.fill.fits(frames.batch(n), ~Mask{0}));
      t.fill.add(frames.batch(n), ~Mask{0});
    }
    t.fill.close();
    std::uint64_t end = 0;
    for (const SegmentList* list : {&t.task.in, &t.task.out})
      for (const Segment& s : *list) {
        EXPECT_GE(s.offset, end) << "in the order of the image";
        end = s.offset + s.bytes;
      }
    EXPECT_LE(end, t.plan.image_bytes());
    for (unsigned s = 0; s < 2; ++s) {
      const fu_task view{t.task.stage[s].layout, t.task.frames, t.task.image.host, nullptr};
      const std::uint64_t begin = view.stage.write_off;
      for (std::uint32_t k = 0; k + 1 < t.task.count; ++k) {
        ASSERT_GE(fu_write(&view, k + 1) - fu_write(&view, k), 1000 + 24 * static_cast<int>(s + 1));
      }
      ASSERT_GE(static_cast<std::uint64_t>(fu_write(&view, 0) - view.image), begin);
      ASSERT_LE(static_cast<std::uint64_t>(fu_write(&view, 127) - view.image) + 1000 + 24 * (s + 1),
                s ? t.plan.image_bytes() : t.task.stage[1].layout.write_off);
    }
  }
}

TEST_F(TaskImage, InColumnsReachTheirItems) {
  KernelDecl with = kHeader, writes = kRewrite;
  with.in_bytes = 4, with.out_bytes = 4;
  writes.in_bytes = 4, writes.out_bytes = 4;
  Frames frames(2);
  for (std::size_t n = 0; n < 2; ++n) frames.fill(n, 50, 200, random_);
  Task t({{&with}, {&writes}}, false, frames);
  const Mask masks[] = {random_mask(frames.batch(0)), random_mask(frames.batch(1))};
  std::uint32_t first[2];
  for (std::size_t n = 0; n < 2; ++n) {
    first[n] = t.fill.add(frames.batch(n), masks[n]);
    for (unsigned s = 0; s < 2; ++s) {
      const ItemColumns c = t.fill.columns(s, first[n], masks[n]);
      for_each(masks[n], [&](unsigned i) { *c.of(i) = static_cast<std::uint32_t>(7000 * n + 100 * i + s); });
    }
  }
  t.run();
  for (std::size_t n = 0; n < 2; ++n)
    for (unsigned s = 0; s < 2; ++s) {
      const ItemResults r = t.fill.results(s, first[n], masks[n]);
      for_each(masks[n], [&](unsigned i) {
        const std::uint32_t want =
            expected(frames.batch(n), i, s ? writes : with) + static_cast<std::uint32_t>(7000 * n + 100 * i + s);
        ASSERT_EQ(r.result(i), want);
        ASSERT_EQ(r.columns(i)[0], ~want);
      });
    }
}

}  // namespace
}  // namespace fulcrum
