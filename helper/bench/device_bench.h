// SPDX-License-Identifier: MIT
// device_bench.h - what devices and the framework around them do on this machine -> figures.
#pragma once

#include <string>
#include <vector>

#include "bench/figures.h"
#include "device/device.h"

namespace fulcrum {

struct DeviceBenchOptions {
  std::vector<std::string> devices;  // as `fulcrum run --tier device:NAME` takes them; empty: one of each kind
  double seconds = 2;                // for each figure
  std::string patterns;              // table of rule contents; empty: made up
};

struct DeviceBenchReport {
  std::vector<DeviceInfo> devices;
  Findings found;
};

// Threads: makes its own, pinned.
DeviceBenchReport device_bench(const DeviceBenchOptions& options);

}  // namespace fulcrum
