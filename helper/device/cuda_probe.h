// SPDX-License-Identifier: MIT
// cuda_probe.h - a synthetic task on a CUDA device -> what launching and copying cost, frames in place or not.
#pragma once

#include <memory>

#include "device/cuda_queue.h"

namespace fulcrum {

struct CudaCosts {
  double launch_us = 0;     // a task of one small packet, submit to poll
  double copy_in_gbps = 0;  // Gbit/s, one large copy
  double copy_out_gbps = 0;
  double in_place_us = 0;  // the synthetic task, from its packets to its results; 0: cannot be done
  double gathered_us = 0;
  std::string note;  // why frames cannot be read in place
};

// Also proves that the device computes: its results are compared with the CPU's.
// Bounded. Errors: the device hangs, fails or computes wrongly. Context: control thread.
Result<CudaCosts> measure_cuda(const std::shared_ptr<CudaShared>& shared);

}  // namespace fulcrum
