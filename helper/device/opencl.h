// SPDX-License-Identifier: MIT
// opencl.h - any OpenCL 1.2 device -> a Device.
//
//   opencl_list.cc     the devices of this machine, and which one is meant
//   opencl_program.cc  kernel text -> program, kept as a binary between runs
//   opencl_tables.cc   versions of tables on the device
//   opencl_queue.cc    tasks: enqueued, polled for, retired in order
//   opencl.cc          ties them together and measures at open
//
// A device that shares the host's memory (a CPU, most integrated GPUs) works in
// it: frames, images and tables are used where they are and nothing is copied.
// Another has each image twice: pinned memory of the host, which the worker
// fills, and a buffer of the device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device.h"
#include "device/in_place_mode.h"

namespace fulcrum {

// In place without being told: where the device is known to see the host's memory,
// and a probe agrees. Told to, a device whose probe fails is refused.
struct OpenclConfig {
  std::string name = "opencl";  // of the tier
  std::string device;          // "0:1" (platform:device), "1" (of all), part of a name, or empty: a GPU if there is one
  unsigned max_in_flight = 4;  // tasks a queue; 2 to 64
  std::string cache_dir;       // of built programs; empty: opencl_cache_dir(), "none": keep none
  InPlaceMode in_place = InPlaceMode::kAuto;
};

// "0:0 name (platform)" of each device; empty: none.
std::vector<std::string> opencl_devices();

// /var/cache/fulcrum/opencl for root, else under $XDG_CACHE_HOME or ~/.cache. Empty: no home.
std::string opencl_cache_dir();

// Errors: no such device (with those there are), no driver (with what to install), in_place refused.
Result<std::unique_ptr<Device>> open_opencl(const OpenclConfig& config);

}  // namespace fulcrum
