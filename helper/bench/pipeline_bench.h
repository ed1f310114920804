// SPDX-License-Identifier: MIT
// pipeline_bench.h - what elements and the way between them cost on this machine -> figures.
#pragma once

#include "bench/figures.h"

namespace fulcrum {

struct PipelineBenchOptions {
  double seconds = 1;  // for each figure
};

// Every figure is measured in turns with an empty pipeline, FromPort -> ToPort, in the same
// run; its value is the difference, its ratio that of the whole times.
// Threads: makes its own, pinned.
Findings pipeline_bench(const PipelineBenchOptions& options);

}  // namespace fulcrum
