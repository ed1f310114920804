// SPDX-License-Identifier: MIT
// share.h - one core alone, then the core with a device beside it -> what the device adds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/figures.h"
#include "bench/loop.h"

namespace fulcrum {

struct ShareCase {
  std::string name;
  std::string pipeline;
  TrafficShape traffic;
  // Beside order: made anew for each run.
  std::function<std::function<std::string(const Batch&)>()> make_check;
};

// The worker has the first CPU, the manycore device the second. The device gets
// the share of the batches with which both do most: swept first.
void measure_share(const ShareCase& c, double seconds, Findings& found);

}  // namespace fulcrum
