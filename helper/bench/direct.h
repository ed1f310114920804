// SPDX-License-Identifier: MIT
// direct.h - a kernel through our aggregator and queue, and in a bare loop of OpenCL calls, side by side.
#pragma once

#include <string>

#include "bench/figures.h"
#include "bench/traffic.h"

namespace fulcrum {

struct DirectCase {
  std::string name;
  std::string pipeline;  // its first element with a device form is what runs
  TrafficShape traffic;
};

// Same kernel, table, packets, task size and depth. `which`: as OpenclConfig::device.
void measure_direct(const DirectCase& c, const std::string& which, double seconds, Findings& found);

}  // namespace fulcrum
