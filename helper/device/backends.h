// SPDX-License-Identifier: MIT
// backends.h - what a device shall be -> an open device.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "device/device_model.h"
#include "device/in_place_mode.h"
#include "fulcrum/result.h"

namespace fulcrum {

// Kept by who opens the device again after it failed: failures that a model plays count on.
struct DeviceSpec {
  std::string kind = "manycore";
  std::string name;                // of the tier; empty: the kind
  std::string which;               // opencl: index or part of a name; cuda: ordinal or UUID; empty: the first
  std::string model;               // modelled: name or path of a model
  std::string wraps = "manycore";  // modelled: what runs its kernels, as parse_device() takes it, or "inline"
  InPlaceMode in_place = InPlaceMode::kAuto;
  unsigned threads = 0;        // manycore: 0: one a cpu
  std::vector<int> cpus;       // manycore: empty: all but the first
  unsigned max_in_flight = 4;  // tasks of a queue
  // modelled: plays on when the device is opened again; shared by copies of this.
  std::shared_ptr<FailureScript> script = std::make_shared<FailureScript>();
};

// Kinds that open_device() knows; of one that it knows there may still be no device here.
std::vector<std::string> device_kinds();

// "manycore", "opencl", "opencl:INDEX", "cuda", "cuda:0", "modelled:MODEL".
// Errors: an unknown kind; something missing or too much behind it.
Result<DeviceSpec> parse_device(std::string_view word);
// How words for parse_device() look: "manycore", "modelled:MODEL", …
std::vector<std::string> device_words();

// Context: control thread. Errors: as parse_device(); what the back end says.
Result<std::unique_ptr<Device>> open_device(const DeviceSpec& spec);

}  // namespace fulcrum
