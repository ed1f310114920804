// SPDX-License-Identifier: MIT
// cuda_testing.h - for unit tests: the stand-in driver, kernels, random packets, tasks of them with the CPU's answer.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "device/cuda.h"
#include "device/task_image.h"

namespace fulcrum::testing {

// A table: word 0 is added to each result.
inline void sum_v2(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  for (fu_u32 k = first; k < first + count; ++k) {
    fu_u32 length = 0;
    const fu_u8* p = fu_range(&t, k, &length);
    fu_u32 sum = t.stage.constants[0] + fu_in(&t, k)[0];
    for (fu_u32 i = 0; i < length; ++i) sum = sum * 31 + p[i];
    if (t.table) sum += *reinterpret_cast<const fu_u32*>(t.table);
    fu_out(&t, k)[0] = fu_active(&t, k) ? sum : 0;
    fu_out(&t, k)[1] = length;  // its column
  }
}

// Reverses the datagram and puts 8 bytes behind it; result: is its length odd?
inline void wrap_v2(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  for (fu_u32 k = first; k < first + count; ++k) {
    fu_u32 length = 0;
    const fu_u8* p = fu_range(&t, k, &length);
    fu_u8* to = fu_write(&t, k);
    for (fu_u32 i = 0; i < length; ++i) to[i] = p[length - 1 - i];
    for (fu_u32 i = 0; i < 8; ++i) to[length + i] = static_cast<fu_u8>(i);
    fu_out(&t, k)[0] = length & 1;
    fu_out(&t, k)[1] = length + 8;
  }
}

// Hashes what the stage before wrote, where its result was not 0.
inline void tail_v2(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  for (fu_u32 k = first; k < first + count; ++k) {
    fu_u32 length = 0, hash = 0;
    const fu_u8* p = fu_range(&t, k, &length);
    for (fu_u32 i = 0; fu_active(&t, k) && i < length; ++i) hash = hash * 33 ^ p[i];
    fu_out(&t, k)[0] = hash;
  }
}

inline DeviceBinary test_binary() noexcept { return {"binary", 7}; }
inline DeviceBinary no_binary() noexcept { return {}; }
inline const KernelDecl kSum = {.name = "sum",
                                .read = {PacketRange::kWhole, 0, 16},
                                .in_bytes = 4,
                                .out_bytes = 4,
                                .cpu = {sum_v2},
                                .cuda = test_binary};
inline const KernelDecl kWrap = {.name = "wrap",
                                 .read = {PacketRange::kDatagram},
                                 .write = {true, 8, 16},
                                 .write_if = Condition::kIfNonZero,
                                 .cpu = {wrap_v2},
                                 .cuda = test_binary};
inline const KernelDecl kTail = {
    .name = "tail", .read = {PacketRange::kDatagram}, .cpu = {tail_v2}, .cuda = test_binary};

// The stand-in: knobs and counters of selftests/cuda/standin_control.h.
class Standin {
 public:
  Standin() {
    char self[4096] = {};
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0) return;
    path_ = std::string(self, std::string(self).rfind('/')) + "/../selftests/libcuda-standin.so";
    handle_ = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle_) return;
    reset();
    kernel("sum", sum_v2), kernel("wrap", wrap_v2), kernel("tail", tail_v2);
  }
  ~Standin() {
    if (handle_) reset();
  }
  explicit operator bool() const { return handle_; }
  const std::string& path() const { return path_; }
  void reset() { find<void()>("standin_reset")(); }
  void set(const char* knob, long long v) {
    EXPECT_EQ(find<int(const char*, long long)>("standin_set")(knob, v), 0) << knob;
  }
  long long get(const char* counter) { return find<long long(const char*)>("standin_get")(counter); }
  void kernel(const char* name, KernelFn run) { find<void(const char*, KernelFn)>("standin_kernel")(name, run); }
  // All that was taken, by name; empty: nothing is left.
  std::string left() {
    std::string text;
    for (const char* what : {"memory", "host", "registered", "streams", "events", "modules", "contexts"})
      if (const long long n = get(what)) text += std::string(what) + " " + std::to_string(n) + " ";
    return text;
  }

 private:
  template <class F>
  F* find(const char* name) {
    return reinterpret_cast<F*>(dlsym(handle_, name));
  }
  std::string path_;
  void* handle_ = nullptr;
};

// Frames with random IPv4 packets.
class Frames {
 public:
  static constexpr std::uint32_t kFrameBytes = 2048;
  static constexpr unsigned kCount = 512;
  explicit Frames(std::uint32_t seed) : random_(seed), base_(static_cast<std::uint8_t*>(map())) {}
  ~Frames() { munmap(base_, bytes()); }
  std::uint8_t* base() const { return base_; }
  static constexpr std::uint64_t bytes() { return std::uint64_t{kCount} * kFrameBytes; }
  // A batch of new packets in the frames from `first` on.
  void fill(Batch& b, unsigned count, unsigned first) {
    b.count = count;
    for (unsigned i = 0; i < count; ++i) {
      const std::uint32_t ip_bytes = 28 + random_() % 1400;
      b.data[i] = base_ + std::size_t{(first + i) % kCount} * kFrameBytes + 64 + random_() % 64;
      b.len[i] = 14 + ip_bytes + (random_() % 4 ? 0 : random_() % 20);  // some with padding
      for (std::uint32_t n = 0; n < b.len[i]; ++n) b.data[i][n] = static_cast<std::uint8_t>(random_());
      b.l3_off[i] = 14, b.l4_off[i] = 34, b.payload_off[i] = 42;
      b.flags[i] = FULCRUM_META_IP4;
      b.data[i][14] = 0x45;
      b.data[i][16] = static_cast<std::uint8_t>(ip_bytes >> 8), b.data[i][17] = static_cast<std::uint8_t>(ip_bytes);
    }
  }
  std::uint32_t random() { return static_cast<std::uint32_t>(random_()); }

 private:
  static void* map() { return mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
  std::mt19937 random_;
  std::uint8_t* const base_;
};

// A task and what the CPU makes of it.
struct Job {
  DeviceTask task;
  TaskFill fill;
  Batch batch{};
  std::vector<std::uint8_t> expected;  // the whole image

  void make(const ImagePlan& plan, const ImageMemory& memory, Frames& frames, unsigned count, unsigned first,
            const KernelTable& table = {}) {
    task.image = memory;
    fill.open(task, plan, frames.base());
    for (unsigned s = 0; s < task.stages; ++s) task.stage[s].table = table;
    task.stage[0].layout.constants[0] = 7;
    frames.fill(batch, count, first);
    const Mask all = mask_of(count);
    const std::uint32_t at = fill.add(batch, all);
    for (unsigned s = 0; s < task.stages; ++s)
      if (plan.kernel(s).in_bytes)
        for_each(all, [&](unsigned i) { *fill.columns(s, at, all).of(i) = frames.random(); });
    fill.close();
    // Results of an earlier task in this memory must not pass for this one's.
    for (const Segment& s : task.out) std::memset(memory.host + s.offset, 0xee, s.bytes);
    expected.assign(memory.host, memory.host + plan.image_bytes());
    for (unsigned s = 0; s < task.stages; ++s) {
      const fu_task t{task.stage[s].layout, frames.base(), expected.data(), static_cast<const fu_u8*>(table.data)};
      task.stage[s].kernel->cpu.v2(t, 0, task.count);
    }
  }
  // Results and lengths of all stages, and the bytes of written ranges that go back.
  void check() const {
    ASSERT_FALSE(task.failed);
    for (unsigned s = 0; s < task.stages; ++s) {
      const fu_stage& l = task.stage[s].layout;
      EXPECT_EQ(std::memcmp(task.image.host + l.out_off, &expected[l.out_off], std::size_t{l.out_stride} * task.count),
                0)
          << "results of stage " << s;
      for (unsigned k = 0; l.writes && k < task.count; ++k) {
        const std::uint32_t at =
            l.write_off + *reinterpret_cast<const std::uint32_t*>(&expected[l.in_off + std::size_t{l.in_stride} * k]);
        const std::uint32_t bytes =
            reinterpret_cast<const std::uint32_t*>(&expected[l.out_off + std::size_t{l.out_stride} * k])[1];
        EXPECT_EQ(std::memcmp(task.image.host + at, &expected[at], bytes), 0) << "packet " << k;
      }
    }
  }
};

// Waits for a condition, at most 20 s.
inline bool eventually(const std::function<bool()>& holds) {
  const std::uint64_t end_ns = now_ns() + 20'000'000'000ull;
  while (!holds()) {
    if (now_ns() > end_ns) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

// The next finished task, waited for.
inline DeviceTask* next(DeviceQueue& queue) {
  DeviceTask* done = nullptr;
  eventually([&] { return (done = queue.poll()) != nullptr; });
  return done;
}

// Every test ends with all given back, unless it says otherwise.
class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(standin) << "libcuda-standin.so is not built: make tests";
    config.library = standin.path();
    config.limit_ms = 10000;
    config.teardown_ms = 2000;
    const auto seed = static_cast<std::uint32_t>(now_ns());
    std::printf("seed %u\n", seed);
    frames = std::make_unique<Frames>(seed);
  }
  void TearDown() override {
    EXPECT_EQ(standin.get("violations"), 0);
    EXPECT_EQ(standin.get("pageable"), 0);
    if (!leaks) {
      EXPECT_EQ(standin.left(), "");
    } else {
      static auto& kept = *new std::vector<std::unique_ptr<Frames>>;
      kept.push_back(std::move(frames));  // mapped for good: nothing else may come to lie there
    }
  }
  std::unique_ptr<Device> open() {
    auto device = open_cuda(config);
    EXPECT_TRUE(device) << device.error().text;
    if (!device) return nullptr;
    for (const KernelDecl* k : {&kSum, &kWrap, &kTail}) {
      auto added = (*device)->add_kernel(*k);
      EXPECT_TRUE(added) << added.error().text;
    }
    return std::move(*device);
  }
  std::unique_ptr<DeviceQueue> open_queue(Device& device) {
    auto queue = device.open_queue(frames->base(), Frames::bytes());
    EXPECT_TRUE(queue) << queue.error().text;
    return queue ? std::move(*queue) : nullptr;
  }
  std::string why_not() {
    auto device = open_cuda(config);
    return device ? "opened" : device.error().text;
  }
  static ImagePlan plan_for(std::vector<ChainLink> chain, bool in_place) { return {chain, in_place, {256, 1 << 19}}; }
  static ImageMemory image_for(DeviceQueue& queue, const ImagePlan& plan) {
    auto image = queue.allocate(plan.image_bytes());
    EXPECT_TRUE(image) << image.error().text;
    return image ? *image : ImageMemory{};
  }

  Standin standin;
  CudaConfig config;
  std::unique_ptr<Frames> frames;
  bool leaks = false;
};

}  // namespace fulcrum::testing
