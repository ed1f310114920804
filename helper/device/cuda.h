// SPDX-License-Identifier: MIT
// cuda.h - an NVIDIA device as a Device: the one header of the CUDA back end that others include.
//
// Needs the driver's library at run time, nothing at build time; kernels need
// nvcc at build time (helper/plugins/kernels.mk).
#pragma once

#include <memory>
#include <string>

#include "device/device.h"
#include "device/in_place_mode.h"

namespace fulcrum {

struct CudaConfig {
  std::string name = "gpu0";   // of the tier
  std::string device;          // ordinal, UUID or PCI bus id; empty: the first
  std::string library;         // driver's; empty: FULCRUM_CUDA_LIBRARY, else libcuda.so.1
  unsigned max_in_flight = 4;  // tasks a queue, 1 .. 64
  // kAuto: whichever was faster at start; copied where frames cannot be mapped.
  InPlaceMode in_place = InPlaceMode::kAuto;
  unsigned drain_ms = 2000;     // a queue that closes waits this long for its tasks
  unsigned limit_ms = 10000;    // one step at start, or a piece of a table
  unsigned teardown_ms = 5000;  // what the driver has not taken back by then is left to it
};

// Bounded, also on a device that hangs. Errors: no driver, no such device, a device that fails or
// computes wrongly, out of memory.
Result<std::unique_ptr<Device>> open_cuda(const CudaConfig& config);

}  // namespace fulcrum
