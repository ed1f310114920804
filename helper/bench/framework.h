// SPDX-License-Identifier: MIT
// framework.h - batches around a kernel that does nothing -> what a packet costs the worker beside its kernel.
#pragma once

#include "bench/figures.h"

namespace fulcrum {

// Gather records, submit, retire, take. The worker has the first CPU, the manycore
// device the second. What counts is the worker's CPU time, without that between
// finding nothing to do and finding something again.
void measure_framework(double seconds, Findings& found);

}  // namespace fulcrum
