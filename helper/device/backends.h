// SPDX-License-Identifier: MIT
// backends.h - the name of a device -> an open device with its default settings.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"
#include "fulcrum/result.h"

namespace fulcrum {

// Names that open_device() knows; one that it knows may still not be there.
std::vector<std::string> device_names();

// Errors: an unknown name; what the back end says.
Result<std::unique_ptr<Device>> open_device(std::string_view name);

}  // namespace fulcrum
