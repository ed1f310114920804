// SPDX-License-Identifier: MIT
// opencl_direct.h - filled tasks -> the same kernel in a bare loop of OpenCL calls: what to measure queue and
// aggregator against.
//
// No aggregator, no queue of ours: one command queue, one kernel object a task
// with its arguments set once, launched again as soon as it has ended.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "device/device.h"

namespace fulcrum {

class OpenclDirect {
 public:
  virtual ~OpenclDirect() = default;
  // Memory for task `i`, to be filled before the first run().
  virtual ImageMemory image(unsigned i) = 0;
  // Takes the filled task's layout and table. Context: its image is image(i). Errors: the driver's words.
  virtual Result<void> add(unsigned i, const DeviceTask& task) = 0;
  // All added tasks again and again. Returns how many have ended, and the time. Errors: a task failed.
  struct Ran {
    std::uint64_t tasks = 0, elapsed_ns = 0;
  };
  virtual Result<Ran> run(std::uint64_t for_ns) = 0;

  // The device named as in OpenclConfig::device; `depth` tasks. Errors: it does not share the host's memory; as
  // open_opencl().
  static Result<std::unique_ptr<OpenclDirect>> open(const std::string& device, const KernelDecl& kernel,
                                                    const std::uint8_t* frames, std::uint64_t frames_bytes,
                                                    std::uint64_t image_bytes, unsigned depth);
};

}  // namespace fulcrum
