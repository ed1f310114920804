// SPDX-License-Identifier: MIT
// device_model.h - the figures of a device -> when a task would be done on it.
//
// A task passes three resources, each in the order of submission:
//
//   submit ─ launch ─► link in ─► one of the engines ─► link out ─► done
//
// The launch is a delay and no resource: launches of several tasks overlap. A
// link moves one task at a time, in and out at once. An engine runs all stages
// of one task; a stage takes its start, and the longer of its packets at
// packets_per_s and its bytes at bytes_per_s. Simplifications: a task's way out
// is reserved when it is submitted, so a short task never overtakes a longer one
// on the link; a new version of a table is moved whole.
//
// Time is an argument and never read here, so that it can be a clock's or a
// simulator's. Units: ns, bytes, packets.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "fulcrum/result.h"

namespace fulcrum {

inline constexpr unsigned kMaxEngines = 64;

// One stage on one engine. A rate of 0: takes no time.
struct KernelSpeed {
  std::string kernel;  // empty: all that have no speed of their own
  std::uint64_t start_ns = 0;
  std::uint64_t packets_per_s = 0;
  std::uint64_t bytes_per_s = 0;
};

enum class FailureKind : std::uint8_t {
  kLost,     // the device is gone: submit says so, what is in flight comes back failed
  kHang,     // the task and all later ones never come back
  kWrong,    // the task's first result is not what the kernel said
  kOom,      // no memory: the task fails, allocate and load_table are refused
  kSlow,     // the task takes slow_permille of its time
  kCompile,  // add_kernel is refused
};
inline constexpr unsigned kFailureKinds = 6;
const char* to_string(FailureKind kind);

// One line of a failure script.
struct Failure {
  FailureKind kind = FailureKind::kLost;
  std::uint64_t after_tasks = 0;  // counted over all openings of the device
  std::uint64_t times = 1;        // how often it strikes; 0: for ever
  std::uint64_t slow_permille = 10000;
  std::uint64_t reopen_fails = 0;  // kLost, kHang: attempts to open that fail afterwards
  std::string kernel;              // kCompile: only this one; empty: any
};

struct DeviceModel {
  std::string file;  // where it was read
  std::string name;  // what it models
  bool in_place = false;
  std::uint64_t launch_ns = 0;            // submit to the first byte, and last byte to poll
  std::uint64_t copy_in_bytes_per_s = 0;  // 0: nothing is moved
  std::uint64_t copy_out_bytes_per_s = 0;
  std::uint64_t memory_bytes = 0;  // images and tables; 0: no limit
  unsigned engines = 1;            // tasks that run at once
  unsigned queue_depth = 0;        // tasks a queue takes; 0: no limit of its own
  KernelSpeed any;
  std::vector<KernelSpeed> kernels;
  std::vector<Failure> failures;
  unsigned figures = 0, estimates = 0;  // how many of the file's figures nobody measured

  const KernelSpeed& speed_of(std::string_view kernel) const noexcept;
};

// Reads a model. `name` is the name of a file of models_dir() without .toml, or a path.
// Errors: all of them, a line each, with place and what would be valid.
Result<DeviceModel> load_device_model(const std::string& name);
Result<DeviceModel> parse_device_model(const std::string& text, const std::string& file);
std::string models_dir();

// The sizes of a task that its time depends on.
struct ModelTask {
  struct Stage {
    const KernelSpeed* speed = nullptr;
    std::uint64_t bytes = 0;  // read by the kernel
  };
  std::array<Stage, kMaxStages> stage;
  unsigned stages = 0;
  std::uint64_t packets = 0;
  std::uint64_t in_bytes = 0;  // over the links
  std::uint64_t out_bytes = 0;
};

struct ModelTimes {
  std::uint64_t done_ns = 0;     // on the clock that submission was given on
  std::uint64_t service_ns = 0;  // copies and kernels, without launch and waiting
};

// ns that `amount` takes at `per_s`, rounded up; no rate, no time.
std::uint64_t duration_ns(std::uint64_t amount, std::uint64_t per_s) noexcept;

// What is reserved on a device so far.
// Threads: any, without locks. Calls in the order of submission give the model above; where two
// threads race, one of them was first.
class ModelState {
 public:
  explicit ModelState(const DeviceModel& model) noexcept : model_(model) {}
  // Task submitted at `now_ns`, as slow as `slow_permille` of the model.
  ModelTimes completion_ns(std::uint64_t now_ns, const ModelTask& task, std::uint64_t slow_permille = 1000) noexcept;
  // Table bytes that go over the link in; returns when they are there.
  std::uint64_t table_ns(std::uint64_t now_ns, std::uint64_t bytes) noexcept;

 private:
  using FreeAt = std::atomic<std::uint64_t>;  // ns
  const DeviceModel& model_;
  FreeAt link_in_{0}, link_out_{0};
  std::array<FreeAt, kMaxEngines> engine_{};
};

// A failure script while it plays. Outlives the devices that are opened and thrown away under it.
// Threads: any, without locks.
class FailureScript {
 public:
  // What is played, the first time only. Context: no task yet.
  void begin(std::span<const Failure> failures);
  // Number of the next task, from 0.
  std::uint64_t next_task() noexcept { return tasks_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t tasks() const noexcept { return tasks_.load(std::memory_order_relaxed); }
  // Does a failure of this kind strike now, at task `task`? Uses up one of its times.
  const Failure* strike(FailureKind kind, std::uint64_t task, std::string_view kernel = {}) noexcept;
  // The device is gone or hangs by `f`.
  void broke(const Failure& f) noexcept { closed_.store(f.reopen_fails, std::memory_order_relaxed); }
  // Uses up one of reopen_fails. False: it cannot be opened this time; `left` says how often still.
  bool may_open(std::uint64_t& left) noexcept;

 private:
  std::vector<Failure> failures_;
  std::vector<std::atomic<std::uint64_t>> struck_;  // [failures_]
  bool begun_ = false;
  std::atomic<std::uint64_t> tasks_{0};
  std::atomic<std::uint64_t> closed_{0};
};

}  // namespace fulcrum
