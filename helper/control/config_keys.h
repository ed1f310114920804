// SPDX-License-Identifier: MIT
// config_keys.h - every key of the configuration as a table row.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <toml.hpp>

#include "control/config.h"

namespace fulcrum {

// A row takes a value into the configuration; what it returns is the error, or empty.
template <class Target>
struct ConfigKey {
  const char* name;   // "workers.count"; for a device the part after "device."
  const char* takes;  // "0 .. 256"
  const char* help;
  std::function<std::string(const toml::value&, Target&)> set;
};

std::span<const ConfigKey<HelperConfig>> config_keys();
std::span<const ConfigKey<DeviceConfig>> device_keys();

}  // namespace fulcrum
