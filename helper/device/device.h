// SPDX-License-Identifier: MIT
// device.h - an accelerator as the worker sees it: submit a task, poll for it.
#pragma once

#include <cstdint>
#include <string>

#include "fulcrum/kernel.h"

namespace fulcrum {

// A run of items for one kernel. Made and owned by the worker's task pool; lent
// to the device from submit() until poll() returns it. Buffers are sized once.
struct DeviceTask {
  const KernelDecl* kernel = nullptr;
  KernelTable table;
  const std::uint8_t* base = nullptr;
  std::uint32_t* offset = nullptr;  // [capacity]
  std::uint32_t* length = nullptr;  // [capacity]
  std::uint32_t* result = nullptr;  // [capacity]
  std::uint32_t count = 0;
  std::uint32_t capacity = 0;
  std::uint64_t bytes = 0;          // sum of length
  std::uint64_t submit_ns = 0;
  std::uint64_t service_ns = 0;     // set by the device: time the kernel ran
  bool failed = false;              // set by the device: results are not valid
};

enum class DeviceStatus : std::uint8_t {
  kOk,
  kFull,  // poll() first
  kGone,  // device lost; run the task elsewhere
};

struct DeviceInfo {
  std::string name;   // "manycore"
  std::string model;  // "2 threads, x86-64-v4 (AVX-512, 512 bit)"
  std::string state;  // "up", "disabled", "lost: …"
  double launch_us = 0;      // measured at start: empty task, submit to poll
  std::uint64_t tasks = 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t errors = 0;
  std::uint64_t busy_ns = 0;
};

// One submission queue of a device; a worker has its own.
// Threads: submit() and poll() are the worker's.
class DeviceQueue {
 public:
  virtual ~DeviceQueue() = default;
  // Starts work on `task`, returns at once. Owns on kOk the device, until poll() returns it.
  [[nodiscard]] virtual DeviceStatus submit(DeviceTask* task) noexcept = 0;
  // A finished task, in the order of submission, or null.
  virtual DeviceTask* poll() noexcept = 0;
  virtual unsigned in_flight() const noexcept = 0;
};

// Threads: open_queue() during setup; info() any.
class Device {
 public:
  virtual ~Device() = default;
  virtual std::unique_ptr<DeviceQueue> open_queue() = 0;
  virtual DeviceInfo info() const = 0;
};

}  // namespace fulcrum
