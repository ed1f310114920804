// SPDX-License-Identifier: MIT
// backends.cc - the name of a device -> an open device with its default settings.
#include "device/backends.h"

#include "device/manycore.h"

namespace fulcrum {
namespace {

Result<std::unique_ptr<Device>> open_manycore() {
  auto device = ManycoreDevice::open({});
  if (!device) return device.error();
  return std::unique_ptr<Device>(std::move(*device));
}

struct Backend {
  const char* name;
  Result<std::unique_ptr<Device>> (*open)();
};
constexpr Backend kBackends[] = {{"manycore", open_manycore}};

}  // namespace

std::vector<std::string> device_names() {
  std::vector<std::string> names;
  for (const Backend& b : kBackends) names.emplace_back(b.name);
  return names;
}

Result<std::unique_ptr<Device>> open_device(std::string_view name) {
  std::string known;
  for (const Backend& b : kBackends) {
    if (name == b.name) return b.open();
    known += (known.empty() ? "" : ", ") + std::string(b.name);
  }
  return Error{"device " + std::string(name) + ": unknown: choose one of: " + known};
}

}  // namespace fulcrum
