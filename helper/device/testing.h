// SPDX-License-Identifier: MIT
// testing.h - for unit tests: kernels whose answer is easy to tell, a device that fails as told.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "device/lane.h"
#include "device/random_frames.h"
#include "device/task_image.h"

namespace fulcrum::testing {

// What the kernel below answers for a range.
inline std::uint32_t plain_sum(const std::uint8_t* p, std::uint32_t length) {
  std::uint32_t sum = 1000 * length;
  for (std::uint32_t k = 0; k < length; ++k) sum += p[k];
  return sum;
}

// Result: plain_sum of the range, plus the table's first word, constant 0 and the in column; 0 where constant 1 is
// set and the sum is even. Writes each byte plus 1, and constant 2 bytes of 0xab behind. Out column: the result,
// inverted.
inline void sum_kernel(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  const fu_stage& s = t.stage;
  for (fu_u32 k = first; k < first + count; ++k) {
    fu_u32* out = fu_out(&t, k);
    out[0] = 0;
    if (s.writes) out[1] = 0;
    if (!fu_active(&t, k)) continue;
    fu_u32 length;
    const fu_u8* p = fu_range(&t, k, &length);
    fu_u32 sum = plain_sum(p, length) + s.constants[0];
    if (t.table) sum += *reinterpret_cast<const fu_u32*>(t.table);
    if (s.in_stride > 4 * s.writes) sum += fu_in(&t, k)[0];
    if (s.constants[1] && sum % 2 == 0) sum = 0;
    out[0] = sum;
    if (s.out_stride > 4 + 4 * s.writes) out[1 + s.writes] = ~sum;
    if (!s.writes) continue;
    fu_u8* to = fu_write(&t, k);
    for (fu_u32 n = 0; n < length; ++n) to[n] = static_cast<fu_u8>(p[n] + 1);
    if (!length) continue;
    std::memset(to + length, 0xab, s.constants[2]);
    out[1] = length + s.constants[2];
  }
}

inline KernelDecl sum_decl(const char* name, PacketRange range, std::uint32_t max_bytes = 0, WriteBlock write = {}) {
  KernelDecl d{.name = name, .read = {range, max_bytes}, .write = write};
  d.cpu.v2 = sum_kernel;
  return d;
}

// An element's device form.
struct TestOffload : Offload {
  explicit TestOffload(const KernelDecl& k) : decl(k) {}
  const KernelDecl& kernel() const noexcept override { return decl; }
  KernelTable table() noexcept override { return newest; }
  const std::uint32_t* constants() noexcept override { return words; }
  void prepare(Batch& b, Mask in, const ItemColumns& c) noexcept override {
    for_each(in, [&](unsigned i) { *c.of(i) = ++prepared + b.len[i]; });
  }
  void finish(Batch&, Mask, const ItemResults&, Mask*) noexcept override {}
  Chain chain() const noexcept override { return way; }

  // A table of one word.
  void publish(std::uint64_t version, std::uint32_t word) {
    auto bytes = std::make_shared<std::array<std::uint32_t, 16>>();
    bytes->fill(word);
    newest = {bytes, bytes->data(), sizeof *bytes, version, reinterpret_cast<std::uintptr_t>(this)};
  }

  const KernelDecl& decl;
  KernelTable newest;
  std::uint32_t words[FU_CONSTANTS] = {};
  std::uint32_t prepared = 0;
  Chain way;
};

inline OffloadChain chain_of(const std::vector<Offload*>& stages, Condition only_if = Condition::kAlways) {
  OffloadChain c;
  for (Offload* o : stages) {
    c.stage.push_back(o);
    c.links.push_back({&o->kernel(), c.links.empty() ? Condition::kAlways : only_if});
  }
  return c;
}

// A kernel of one result over ranges of `base`, no task around it.
inline std::vector<std::uint32_t> run_on_ranges(KernelFn kernel, const std::uint8_t* base,
                                                const std::vector<std::uint32_t>& offset,
                                                const std::vector<std::uint32_t>& length, const void* table) {
  const auto count = static_cast<std::uint32_t>(offset.size());
  std::vector<std::uint32_t> image(3 * offset.size() + 1, 0xdeadbeef);
  for (std::uint32_t k = 0; k < count; ++k) image[2 * k] = offset[k], image[2 * k + 1] = length[k];
  fu_task t{};
  t.stage.source = FU_READ_FRAMES;
  t.stage.out_off = 8 * count;
  t.stage.out_stride = 4;
  t.frames = base;
  t.image = reinterpret_cast<std::uint8_t*>(image.data());
  t.table = static_cast<const std::uint8_t*>(table);
  kernel(t, 0, count);
  EXPECT_EQ(image.back(), 0xdeadbeef) << "wrote behind its results";
  return {image.begin() + 2 * count, image.end() - 1};
}

// An element's device form over one batch, as a task of its own. Without finish().
class OffloadRun {
 public:
  OffloadRun(Offload& o, Batch& b, Mask in)
      : in_(in), plan_(std::vector<ChainLink>{{&o.kernel()}}, false, {}), memory_(plan_.image_bytes(), 1) {
    task_.image = memory_.image(0);
    fill_.open(task_, plan_, nullptr);
    task_.stage[0].table = o.table();
    if (const std::uint32_t* c = o.constants()) std::copy_n(c, FU_CONSTANTS, task_.stage[0].layout.constants);
    EXPECT_TRUE(fill_.fits(b, in));
    fill_.add(b, in);
    if (o.kernel().in_bytes) o.prepare(b, in, fill_.columns(0, 0, in));
    fill_.close();
    run_stages(task_, best_isa(), 0, task_.count);
  }
  ItemResults results() const { return fill_.results(0, 0, in_); }
  // New bytes into the packets, then the element's part.
  void finish(Offload& o, Batch& b, Mask* out) {
    fill_.put_back(0, 0, in_, in_, b);
    o.finish(b, in_, results(), out);
  }

 private:
  Mask in_;
  ImagePlan plan_;
  HostImages memory_;
  DeviceTask task_;
  TaskFill fill_;
};

// What a device shall do, and what it did. Shared by device, queues and the test.
struct DeviceScript {
  bool in_place = false;
  std::size_t depth = 2;
  bool hold = false;    // finishes nothing
  bool refuse = false;  // submit() says kGone
  bool fail = false;    // every task comes back failed
  bool wrong = false;   // one bit of the first result is flipped
  bool lost = false;    // health()
  unsigned images_left = ~0u;
  std::function<bool(const KernelTable&)> resident = [](const KernelTable&) { return true; };

  std::size_t most_in_flight = 0;
  unsigned submitted = 0, open_queues = 0, abandoned = 0;
  std::vector<std::uint64_t> versions;  // of the first stage's table, by task
  std::vector<const KernelDecl*> kernels;
  std::vector<DeviceTask> late;  // abandoned while in flight

  // They end after all, with noise. Context: their queue is still there.
  void end_late_tasks() {
    for (const DeviceTask& t : late)
      for (const Segment& s : t.out) std::memset(t.image.host + s.offset, 0x77, s.bytes);
  }
};

// Has memory of its own: a stage sees of the image what was copied in, the host what was copied out.
class ScriptedQueue final : public DeviceQueue {
 public:
  explicit ScriptedQueue(std::shared_ptr<DeviceScript> script) : script_(std::move(script)) { ++script_->open_queues; }
  ~ScriptedQueue() override { --script_->open_queues; }

  Result<ImageMemory> allocate(std::uint64_t bytes) override {
    if (!script_->images_left--) return Error{"scripted: out of memory"};
    images_.push_back(std::make_unique<HostImages>(bytes, 1));
    return images_.back()->image(0);
  }
  bool in_place() const noexcept override { return script_->in_place; }
  bool resident(const KernelTable& t) noexcept override { return script_->resident(t); }
  unsigned in_flight() const noexcept override { return static_cast<unsigned>(flying_.size()); }

  DeviceStatus submit(DeviceTask* task) noexcept override {
    if (script_->refuse || abandoned_) return DeviceStatus::kGone;
    if (flying_.size() == script_->depth) return DeviceStatus::kFull;
    flying_.push_back({task, *task});
    script_->most_in_flight = std::max(script_->most_in_flight, flying_.size());
    ++script_->submitted;
    script_->versions.push_back(task->stage[0].table.version);
    return DeviceStatus::kOk;
  }
  DeviceTask* poll() noexcept override {
    if (script_->hold || flying_.empty()) return nullptr;
    Flying f = std::move(flying_.front());
    flying_.pop_front();
    f.task->failed = script_->fail;
    f.task->service_ns = 5;
    if (!script_->fail) run(f.copy);
    return f.task;
  }
  void abandon() noexcept override {
    abandoned_ = true;
    ++script_->abandoned;
    for (Flying& f : flying_) script_->late.push_back(std::move(f.copy));
    flying_.clear();
  }

 private:
  struct Flying {
    DeviceTask* task;
    DeviceTask copy;
  };
  void run(DeviceTask task) {
    const ImageMemory host = task.image;
    std::vector<std::uint64_t> memory(host.bytes / 8 + 8, 0xeeeeeeeeeeeeeeee);
    auto* own = reinterpret_cast<std::uint8_t*>((reinterpret_cast<std::uintptr_t>(memory.data()) + 63) & ~63ull);
    for (const Segment& s : task.in) std::memcpy(own + s.offset, host.host + s.offset, s.bytes);
    task.image.host = own;
    if (!script_->in_place) task.frames = nullptr;
    run_stages(task, Isa::kV2, 0, task.count);
    if (script_->wrong) *first_result(task) ^= 1;
    for (const Segment& s : task.out) std::memcpy(host.host + s.offset, own + s.offset, s.bytes);
  }
  static std::uint32_t* first_result(const DeviceTask& t) {
    return reinterpret_cast<std::uint32_t*>(t.image.host + t.stage[t.stages - 1].layout.out_off);
  }

  std::shared_ptr<DeviceScript> script_;
  std::deque<Flying> flying_;
  std::vector<std::unique_ptr<HostImages>> images_;
  bool abandoned_ = false;
};

class ScriptedDevice final : public Device {
 public:
  explicit ScriptedDevice(std::shared_ptr<DeviceScript> script) : script_(std::move(script)) {}
  Result<void> add_kernel(const KernelDecl& kernel) override {
    script_->kernels.push_back(&kernel);
    return {};
  }
  Result<void> load_table(const KernelTable&) override { return {}; }
  Result<std::unique_ptr<DeviceQueue>> open_queue(const std::uint8_t*, std::uint64_t) override {
    return std::unique_ptr<DeviceQueue>(std::make_unique<ScriptedQueue>(script_));
  }
  DeviceInfo info() const override {
    DeviceInfo i;
    i.name = i.kind = "scripted";
    i.in_place = script_->in_place;
    i.health = health();
    return i;
  }
  DeviceHealth health() const noexcept override { return script_->lost ? DeviceHealth::kLost : DeviceHealth::kUp; }

 private:
  std::shared_ptr<DeviceScript> script_;
};

}  // namespace fulcrum::testing
