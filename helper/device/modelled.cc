// SPDX-License-Identifier: MIT
// modelled.cc - tasks -> the wrapped device -> back when the model says so, or not at all.
#include "device/modelled.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "device/modelled_inline.h"
#include "device/modelled_memory.h"

namespace fulcrum {
namespace {

constexpr std::uint64_t kNsPerUs = 1000;

// What the device and its queues share; goes with the last of them.
struct Core {
  Core(const ModelledConfig& c, std::unique_ptr<Device> wrapped)
      : config(c), inner(std::move(wrapped)), state(config.model), memory(config.model.memory_bytes, state) {}

  void lose(const Failure& f) noexcept {
    lost_at.store(config.script->tasks(), std::memory_order_relaxed);
    lost.store(true, std::memory_order_relaxed);
    config.script->broke(f);
  }
  const Failure* strike(FailureKind kind, std::string_view kernel = {}) noexcept {
    return config.script->strike(kind, config.script->tasks(), kernel);
  }

  const ModelledConfig config;
  const std::unique_ptr<Device> inner;
  ModelState state;
  ModelMemory memory;
  std::atomic<bool> closed{false};  // the device is gone: refuse new tasks
  std::atomic<bool> lost{false};
  std::atomic<bool> hung{false};
  std::atomic<bool> no_memory{false};  // it was the last error
  std::atomic<std::uint64_t> lost_at{0};
  std::atomic<std::uint64_t> tasks{0}, packets{0}, in_bytes{0}, out_bytes{0}, saved_bytes{0}, errors{0}, busy_ns{0},
      late{0};
};

// Flights of the ring [polled_, submitted_) are in flight, of these [polled_,
// back_) have come back from the wrapped device.
class ModelledQueue final : public DeviceQueue {
 public:
  ModelledQueue(std::shared_ptr<Core> core, std::unique_ptr<DeviceQueue> inner)
      : core_(std::move(core)), inner_(std::move(inner)) {
    const unsigned depth = core_->config.model.queue_depth;
    flight_.resize(depth ? std::min(depth, core_->config.max_in_flight) : core_->config.max_in_flight);
  }

  // The wrapped device still writes images: its queue goes first and waits for it.
  ~ModelledQueue() override {
    inner_.reset();
    core_->memory.give(allocated_bytes_);
  }

  Result<ImageMemory> allocate(std::uint64_t bytes) override {
    if (core_->strike(FailureKind::kOom)) return no_memory(bytes, "by its failure script");
    if (!core_->memory.take(bytes)) return no_memory(bytes, std::to_string(core_->memory.free_bytes()) + " are left");
    auto image = inner_->allocate(bytes);
    if (image)
      allocated_bytes_ += bytes;
    else
      core_->memory.give(bytes);
    return image;
  }

  bool in_place() const noexcept override { return core_->config.model.in_place && inner_->in_place(); }

  DeviceStatus submit(DeviceTask* task) noexcept override {
    if (abandoned_ || core_->lost.load(std::memory_order_relaxed) || core_->closed.load(std::memory_order_relaxed))
      return DeviceStatus::kGone;
    if (in_flight() == flight_.size()) return DeviceStatus::kFull;
    if (const Failure* f = core_->strike(FailureKind::kLost)) {
      core_->lose(*f);
      return DeviceStatus::kGone;
    }
    DeviceStatus status = inner_->submit(task);
    if (status == DeviceStatus::kFull) {
      drain();
      status = inner_->submit(task);
    }
    if (status != DeviceStatus::kOk) return status;
    enter(flight_[submitted_++ % flight_.size()], task);
    return DeviceStatus::kOk;
  }

  DeviceTask* poll() noexcept override {
    if (abandoned_) return nullptr;
    drain();
    if (!in_flight()) return nullptr;
    Flight& f = flight_[polled_ % flight_.size()];
    if (f.fate == Fate::kNever) return nullptr;
    const bool lost = core_->lost.load(std::memory_order_relaxed);
    const bool due = core_->config.clock.now() >= f.due_ns;
    const bool back = polled_ != back_;
    if (due && !back) f.late = true;
    if (!back || (!due && !lost)) return nullptr;
    ++polled_;
    return leave(f, lost);
  }

  unsigned in_flight() const noexcept override { return abandoned_ ? 0 : static_cast<unsigned>(submitted_ - polled_); }

  bool resident(const KernelTable& table) noexcept override {
    const bool there = inner_->resident(table);
    const ModelMemory::Table state = core_->memory.bring(table, core_->config.clock.now());
    if (state == ModelMemory::Table::kNoMemory) core_->no_memory.store(true, std::memory_order_relaxed);
    return there && state == ModelMemory::Table::kReady;
  }

  void abandon() noexcept override {
    abandoned_ = true;
    inner_->abandon();
  }

 private:
  enum class Fate : std::uint8_t { kGood, kWrong, kFailed, kNever };
  struct Flight {
    DeviceTask* task = nullptr;
    std::uint64_t due_ns = 0;
    std::uint64_t service_ns = 0;
    Fate fate = Fate::kGood;
    bool late = false;
  };

  Error no_memory(std::uint64_t bytes, const std::string& why) const {
    core_->no_memory.store(true, std::memory_order_relaxed);
    return Error{"device " + core_->config.name + ": no memory for an image of " + std::to_string(bytes) +
                 " bytes: " + why + ": make tasks smaller or fewer (task_bytes, max_in_flight)"};
  }

  void drain() noexcept {
    while (inner_->poll()) ++back_;
  }

  void enter(Flight& f, DeviceTask* task) noexcept {
    FailureScript& script = *core_->config.script;
    const std::uint64_t n = script.next_task();
    f.task = task;
    f.fate = Fate::kGood;
    f.late = false;
    const Failure* hang = script.strike(FailureKind::kHang, n);
    if (hang) {
      core_->hung.store(true, std::memory_order_relaxed);
      script.broke(*hang);
    }
    if (core_->hung.load(std::memory_order_relaxed))
      f.fate = Fate::kNever;
    else if (script.strike(FailureKind::kOom, n))
      f.fate = Fate::kFailed;
    else if (task->count && script.strike(FailureKind::kWrong, n))
      f.fate = Fate::kWrong;
    const Failure* slow = script.strike(FailureKind::kSlow, n);
    const ModelTimes times =
        core_->state.completion_ns(core_->config.clock.now(), sizes(*task), slow ? slow->slow_permille : 1000);
    f.due_ns = times.done_ns;
    f.service_ns = times.service_ns;
  }

  DeviceTask* leave(const Flight& f, bool lost) noexcept {
    DeviceTask& t = *f.task;
    if (f.fate == Fate::kFailed) core_->no_memory.store(true, std::memory_order_relaxed);
    if (f.fate == Fate::kFailed || lost) t.failed = true;
    // Not what the kernel said, and what a copy that lost a bit would look like.
    if (f.fate == Fate::kWrong) t.image.host[t.stage[t.stages - 1].layout.out_off] ^= 1;
    t.service_ns = f.late ? std::max(f.service_ns, t.service_ns) : f.service_ns;
    const auto add = [](std::atomic<std::uint64_t>& to, std::uint64_t n) {
      to.fetch_add(n, std::memory_order_relaxed);
    };
    add(core_->tasks, 1);
    add(core_->packets, t.count);
    add(core_->in_bytes, in_bytes(t));
    add(core_->out_bytes, t.out.total_bytes());
    add(core_->saved_bytes, t.saved_bytes);
    add(core_->errors, t.failed);
    add(core_->busy_ns, t.service_ns);
    add(core_->late, f.late);
    return f.task;
  }

  std::uint64_t in_bytes(const DeviceTask& t) const noexcept {
    return t.in.total_bytes() + (in_place() ? t.read_bytes : 0);
  }

  ModelTask sizes(const DeviceTask& t) const noexcept {
    ModelTask m;
    m.stages = t.stages;
    m.packets = t.count;
    m.in_bytes = in_bytes(t);
    m.out_bytes = t.out.total_bytes();
    for (unsigned s = 0; s < t.stages; ++s) {
      const std::uint64_t most = std::uint64_t{t.stage[s].layout.max_bytes} * t.count;
      m.stage[s].speed = &core_->config.model.speed_of(t.stage[s].kernel->name);
      m.stage[s].bytes = most ? std::min(most, t.read_bytes) : t.read_bytes;
    }
    return m;
  }

  const std::shared_ptr<Core> core_;
  std::unique_ptr<DeviceQueue> inner_;
  std::vector<Flight> flight_;
  std::uint64_t submitted_ = 0, back_ = 0, polled_ = 0;
  std::uint64_t allocated_bytes_ = 0;
  bool abandoned_ = false;
};

class ModelledDevice final : public Device {
 public:
  explicit ModelledDevice(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~ModelledDevice() override { core_->closed.store(true, std::memory_order_relaxed); }

  Result<void> add_kernel(const KernelDecl& kernel) override {
    if (core_->strike(FailureKind::kCompile, kernel.name))
      return Error{"device " + core_->config.name + ": kernel " + kernel.name +
                   ": does not compile: by its failure script: remove fail.kind = \"compile\" from " +
                   core_->config.model.file};
    return core_->inner->add_kernel(kernel);
  }

  Result<void> forget(const CodeRange& code) override { return core_->inner->forget(code); }

  Result<void> load_table(const KernelTable& table) override {
    const auto refused = [&](const std::string& why) {
      core_->no_memory.store(true, std::memory_order_relaxed);
      return Error{"device " + core_->config.name + ": no memory for a table of " + std::to_string(table.bytes) +
                   " bytes: " + why + ": use a device with more memory or a smaller table"};
    };
    if (core_->strike(FailureKind::kOom)) return refused("by its failure script");
    core_->memory.forget_unused();
    const ModelMemory::Table state = core_->memory.bring(table, core_->config.clock.now());
    if (state != ModelMemory::Table::kNoMemory) core_->memory.remember(table);
    if (state == ModelMemory::Table::kNoMemory)
      return refused(std::to_string(core_->memory.free_bytes()) + " bytes are left, and at most " +
                     std::to_string(ModelMemory::kTables) + " tables fit");
    if (auto done = core_->inner->load_table(table); !done) return done;
    if (state == ModelMemory::Table::kComing) sleep_until(core_->memory.ready_ns(table));
    return {};
  }

  Result<std::unique_ptr<DeviceQueue>> open_queue(const std::uint8_t* frames, std::uint64_t frames_bytes) override {
    auto inner = core_->inner->open_queue(frames, frames_bytes);
    if (!inner) return inner.error();
    return std::unique_ptr<DeviceQueue>(std::make_unique<ModelledQueue>(core_, std::move(*inner)));
  }

  DeviceInfo info() const override;

  DeviceHealth health() const noexcept override {
    return core_->lost.load(std::memory_order_relaxed) ? DeviceHealth::kLost : core_->inner->health();
  }

 private:
  void sleep_until(std::uint64_t ns) const {
    const ModelledClock& clock = core_->config.clock;
    if (clock.sleep_until) return clock.sleep_until(ns);
    const std::uint64_t now = clock.now();
    if (ns > now) std::this_thread::sleep_for(std::chrono::nanoseconds(ns - now));
  }

  const std::shared_ptr<Core> core_;
};

DeviceInfo ModelledDevice::info() const {
  const DeviceModel& m = core_->config.model;
  const DeviceInfo inner = core_->inner->info();
  const auto value = [](const std::atomic<std::uint64_t>& v) { return v.load(std::memory_order_relaxed); };
  const auto gbps = [](std::uint64_t bytes_per_s) { return static_cast<double>(bytes_per_s) * 8 / 1e9; };
  DeviceInfo info;
  info.name = core_->config.name;
  info.kind = "modelled";
  info.model = "model of " + m.name + " (" + std::to_string(m.estimates) + " of " + std::to_string(m.figures) +
               " figures estimated), run by " + inner.kind + ", " + inner.model;
  if (value(core_->late)) info.model += ", " + std::to_string(value(core_->late)) + " tasks later than modelled";
  info.isa = inner.isa;
  info.health = health();
  info.error = inner.error;
  if (core_->lost.load(std::memory_order_relaxed))
    info.error = "lost by its failure script at task " + std::to_string(value(core_->lost_at));
  else if (core_->no_memory.load(std::memory_order_relaxed))
    info.error = "out of memory";
  info.in_place = m.in_place && inner.in_place;
  info.launch_us = static_cast<double>(m.launch_ns) / kNsPerUs;
  info.copy_in_gbps = gbps(m.copy_in_bytes_per_s);
  info.copy_out_gbps = gbps(m.copy_out_bytes_per_s);
  info.tasks = value(core_->tasks);
  info.packets = value(core_->packets);
  info.in_bytes = value(core_->in_bytes);
  info.out_bytes = value(core_->out_bytes);
  info.saved_bytes = value(core_->saved_bytes);
  info.errors = value(core_->errors);
  info.busy_ns = value(core_->busy_ns);
  return info;
}

}  // namespace

Result<std::unique_ptr<Device>> open_modelled(const ModelledConfig& config, std::unique_ptr<Device> inner) {
  ModelledConfig c = config;
  c.max_in_flight = std::max(c.max_in_flight, 1u);
  if (!c.script) c.script = std::make_shared<FailureScript>();
  c.script->begin(c.model.failures);
  if (std::uint64_t left = 0; !c.script->may_open(left))
    return Error{"device " + c.name + ": does not answer: by the failure script of " + c.model.file + ", " +
                 std::to_string(left) + " more attempts fail: try again"};
  if (!inner) inner = make_inline_device({.max_in_flight = c.max_in_flight, .staged = !c.model.in_place});
  return std::unique_ptr<Device>(std::make_unique<ModelledDevice>(std::make_shared<Core>(c, std::move(inner))));
}

}  // namespace fulcrum
