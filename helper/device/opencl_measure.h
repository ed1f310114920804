// SPDX-License-Identifier: MIT
// opencl_measure.h - an open queue -> does it share memory, how long does a launch take, how fast are copies.
#pragma once

#include "device/opencl_queue.h"

namespace fulcrum::opencl {

struct Measured {
  double launch_us = 0;  // empty task, submit to poll; median
  double copy_in_gbps = 0, copy_out_gbps = 0;
};

// Adds one to the first word of the frames, into the image's second word, and copies its first to its third.
const KernelDecl& probe_kernel();

// Does the device see what the host writes, without a call between, and the
// other way round? `frames`: 4 KiB that the queue reads in place.
bool sees_host_memory(Queue& queue, std::uint8_t* frames);

// `copies`: measure them as well. Errors: the device does not finish.
Result<Measured> measure_queue(Queue& queue, bool copies);

}  // namespace fulcrum::opencl
