// SPDX-License-Identifier: MIT
// backends.cc - what a device shall be -> an open device.
#include "device/backends.h"

#include "device/cuda.h"
#include "device/manycore.h"
#include "device/modelled.h"
#include "device/opencl.h"

namespace fulcrum {
namespace {

using Opened = Result<std::unique_ptr<Device>>;

Opened open_manycore(const DeviceSpec& spec) {
  if (spec.in_place == InPlaceMode::kOff)
    return Error{"device " + spec.name + ": in_place off: threads read packets where they are: leave in_place out"};
  auto device = ManycoreDevice::open(
      {.threads = spec.threads, .cpus = spec.cpus, .max_in_flight = spec.max_in_flight, .isa = {}});
  if (!device) return device.error();
  return std::unique_ptr<Device>(std::move(*device));
}

Opened open_cuda_device(const DeviceSpec& spec) {
  CudaConfig config;
  config.name = spec.name;
  config.device = spec.which;
  config.max_in_flight = spec.max_in_flight;
  config.in_place = spec.in_place;
  return open_cuda(config);
}

Opened open_opencl_device(const DeviceSpec& spec) {
  OpenclConfig config;
  config.name = spec.name;
  config.device = spec.which;
  config.max_in_flight = spec.max_in_flight;
  config.in_place = spec.in_place;
  return open_opencl(config);
}

Opened open_wrapped(const DeviceSpec& spec) {
  if (spec.wraps == "inline") return std::unique_ptr<Device>();
  auto inner = parse_device(spec.wraps);
  if (!inner) return Error{"device " + spec.name + ": wraps: " + inner.error().text + ", or inline"};
  if (inner->kind == "modelled")
    return Error{"device " + spec.name + ": wraps " + spec.wraps +
                 ": a model of a model: name a device that computes, as manycore or inline"};
  inner->threads = spec.threads;
  inner->cpus = spec.cpus;
  inner->max_in_flight = spec.max_in_flight;
  return open_device(*inner);
}

Opened open_model(const DeviceSpec& spec) {
  auto model = load_device_model(spec.model);
  if (!model) return Error{"device " + spec.name + ": " + model.error().text};
  if (spec.in_place != InPlaceMode::kAuto) model->in_place = spec.in_place == InPlaceMode::kOn;
  auto inner = open_wrapped(spec);
  if (!inner) return inner.error();
  if (spec.in_place == InPlaceMode::kOn && *inner && !(*inner)->info().in_place)
    return Error{"device " + spec.name + ": in_place on: " + spec.wraps + " copies packets: leave in_place out"};
  ModelledConfig config;
  config.name = spec.name;
  config.model = std::move(*model);
  config.script = spec.script;
  config.max_in_flight = spec.max_in_flight;
  return open_modelled(config, std::move(*inner));
}

// What stands behind the colon of a device's word.
enum class Behind : std::uint8_t { kNothing, kWhich, kModel };

struct Backend {
  const char* kind;
  Behind behind;
  Opened (*open)(const DeviceSpec&);
};
constexpr Backend kBackends[] = {
    {"manycore", Behind::kNothing, open_manycore},
    {"opencl", Behind::kWhich, open_opencl_device},
    {"cuda", Behind::kWhich, open_cuda_device},
    {"modelled", Behind::kModel, open_model},
};

const Backend* find_backend(std::string_view kind) {
  for (const Backend& b : kBackends)
    if (kind == b.kind) return &b;
  return nullptr;
}

std::string choices(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : ", ") + w;
  return out;
}

}  // namespace

std::vector<std::string> device_kinds() {
  std::vector<std::string> kinds;
  for (const Backend& b : kBackends) kinds.emplace_back(b.kind);
  return kinds;
}

std::vector<std::string> device_words() {
  std::vector<std::string> words;
  for (const Backend& b : kBackends) {
    if (b.behind != Behind::kModel) words.emplace_back(b.kind);
    if (b.behind == Behind::kWhich) words.push_back(std::string(b.kind) + ":INDEX");
    if (b.behind == Behind::kModel) words.push_back(std::string(b.kind) + ":MODEL");
  }
  return words;
}

Result<DeviceSpec> parse_device(std::string_view word) {
  const std::size_t colon = word.find(':');
  const std::string kind(word.substr(0, colon));
  const std::string behind(colon == word.npos ? "" : word.substr(colon + 1));
  const auto refused = [&](const std::string& why) {
    return Error{"device " + std::string(word) + ": " + why + ": choose one of: " + choices(device_words())};
  };
  const Backend* const backend = find_backend(kind);
  if (!backend) return refused("unknown");
  DeviceSpec spec;
  spec.kind = kind;
  spec.name = word;
  if (backend->behind == Behind::kNothing && colon != word.npos) return refused("there is only one");
  if (backend->behind != Behind::kNothing && behind.empty() &&
      (colon != word.npos || backend->behind == Behind::kModel))
    return refused("nothing behind the kind");
  (backend->behind == Behind::kModel ? spec.model : spec.which) = behind;
  return spec;
}

Result<std::unique_ptr<Device>> open_device(const DeviceSpec& spec) {
  if (spec.name.empty()) {
    DeviceSpec named = spec;
    named.name = spec.kind;
    return open_device(named);
  }
  const Backend* const backend = find_backend(spec.kind);
  if (!backend)
    return Error{"device " + spec.name + ": kind '" + spec.kind +
                 "': unknown: choose one of: " + choices(device_kinds())};
  const auto useless = [&](const char* key) {
    return Error{"device " + spec.name + ": " + key + ": a " + spec.kind + " has none: remove it"};
  };
  if (!spec.which.empty() && backend->behind != Behind::kWhich) return useless("device");
  if (!spec.model.empty() && backend->behind != Behind::kModel) return useless("model");
  if (spec.model.empty() && backend->behind == Behind::kModel)
    return Error{"device " + spec.name + ": no model: add model = \"NAME\" or the path of a .toml file"};
  return backend->open(spec);
}

}  // namespace fulcrum
