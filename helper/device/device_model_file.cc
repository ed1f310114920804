// SPDX-License-Identifier: MIT
// device_model_file.cc - a model's TOML file -> DeviceModel, each wrong figure named with its place.
#include <algorithm>
#include <filesystem>
#include <span>

#include "base/data_dir.h"
#include "base/toml_file.h"
#include "device/device_model.h"
#include "fulcrum/text_file.h"

namespace fulcrum {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostNs = 60'000'000'000;
constexpr std::uint64_t kMostRate = 1'000'000'000'000'000;
constexpr std::uint64_t kMostTasks = 1'000'000'000'000;

// A whole number that a table of the file may hold.
template <class Target>
struct Figure {
  const char* name;
  std::uint64_t min, max;
  void (*set)(Target&, std::uint64_t);
};

template <auto Field, class Target>
void store(Target& target, std::uint64_t value) {
  target.*Field = static_cast<std::remove_reference_t<decltype(target.*Field)>>(value);
}

using M = DeviceModel;
using K = KernelSpeed;
constexpr Figure<DeviceModel> kDeviceFigures[] = {
    {"launch_ns", 0, kMostNs, store<&M::launch_ns>},
    {"copy_in_bytes_per_s", 0, kMostRate, store<&M::copy_in_bytes_per_s>},
    {"copy_out_bytes_per_s", 0, kMostRate, store<&M::copy_out_bytes_per_s>},
    {"memory_bytes", 0, kMostRate, store<&M::memory_bytes>},
    {"engines", 1, kMaxEngines, store<&M::engines>},
    {"queue_depth", 0, 4096, store<&M::queue_depth>},
};
constexpr Figure<KernelSpeed> kKernelFigures[] = {
    {"start_ns", 0, kMostNs, store<&K::start_ns>},
    {"packets_per_s", 0, kMostRate, store<&K::packets_per_s>},
    {"bytes_per_s", 0, kMostRate, store<&K::bytes_per_s>},
};
using F = Failure;
constexpr Figure<Failure> kFailureFigures[] = {
    {"after_tasks", 0, kMostTasks, store<&F::after_tasks>},
    {"times", 0, kMostTasks, store<&F::times>},
    {"slow_permille", 1, 1'000'000'000, store<&F::slow_permille>},
    {"reopen_fails", 0, kMostTasks, store<&F::reopen_fails>},
};

template <class Target>
const Figure<Target>* find(std::span<const Figure<Target>> figures, const std::string& name) {
  for (const auto& f : figures)
    if (name == f.name) return &f;
  return nullptr;
}

template <class Target>
std::string names_of(std::span<const Figure<Target>> figures) {
  std::string out;
  for (const auto& f : figures) out += (out.empty() ? "" : ", ") + std::string(f.name);
  return out;
}

class Reader {
 public:
  Reader(const std::string& file, DeviceModel& model) : file_(file), model_(model) {}
  void take_root(const toml::value& root);
  const std::string& errors() const { return errors_; }

 private:
  void fail(const toml::value& v, const std::string& text) {
    errors_ +=
        (errors_.empty() ? "" : "\n") + ("model: " + file_ + ":" + std::to_string(v.location().line()) + ": ") + text;
  }
  // A number, or { value = …, source = "…" } or { value = …, estimate = true }.
  template <class Target>
  void take_figure(const Figure<Target>& figure, const toml::value& v, Target& target, bool sourced);
  bool sourced(const toml::value& v, const std::string& name);
  void take_kernels(const toml::value& v);
  void take_failures(const toml::value& v);
  void take_failure(const toml::value& v);
  void take_text(const toml::value& v, const std::string& name, std::string& to);

  const std::string& file_;
  DeviceModel& model_;
  std::string errors_;
};

template <class Target>
void Reader::take_figure(const Figure<Target>& figure, const toml::value& v, Target& target, bool with_source) {
  const toml::value* number = &v;
  if (with_source && v.is_table()) {
    const auto at = v.as_table().find("value");
    if (at == v.as_table().end())
      return fail(v, "key '" + std::string(figure.name) +
                         "': no value: write { value = "
                         "NUMBER, source = \"who says so\" }");
    number = &at->second;
  }
  const std::string takes = std::to_string(figure.min) + " .. " + std::to_string(figure.max);
  if (!number->is_integer())
    return fail(v, "key '" + std::string(figure.name) + "': not a whole number: it takes " + takes);
  const std::int64_t n = number->as_integer();
  if (n < 0 || static_cast<std::uint64_t>(n) < figure.min || static_cast<std::uint64_t>(n) > figure.max)
    return fail(v, "key '" + std::string(figure.name) + "': out of range: it takes " + takes);
  figure.set(target, static_cast<std::uint64_t>(n));
  if (!with_source) return;
  ++model_.figures;
  model_.estimates += !sourced(v, figure.name);
}

// Did somebody measure or publish it? A number alone is an estimate.
bool Reader::sourced(const toml::value& v, const std::string& name) {
  if (!v.is_table()) return false;
  bool has_source = false, estimate = false;
  for (const auto& [key, item] : v.as_table()) {
    if (key == "value") continue;
    if (key == "source" && item.is_string() && !item.as_string().str.empty())
      has_source = true;
    else if (key == "estimate" && item.is_boolean())
      estimate = item.as_boolean();
    else
      fail(item, "key '" + name + "." + key + "': valid here are value, source (a text), estimate (true, false)");
  }
  if (!has_source && !estimate)
    fail(v, "key '" + name + "': neither source nor estimate: add source = \"who says so\" or estimate = true");
  return !estimate;
}

void Reader::take_text(const toml::value& v, const std::string& name, std::string& to) {
  if (!v.is_string() || v.as_string().str.empty()) return fail(v, "key '" + name + "': not a text: write it in quotes");
  to = v.as_string().str;
}

void Reader::take_kernels(const toml::value& v) {
  const std::string valid = names_of<KernelSpeed>(kKernelFigures);
  if (!v.is_table()) return fail(v, "'kernel' is not a table: write [kernel.NAME] and its keys, " + valid);
  for (const auto& [kernel, body] : v.as_table()) {
    if (!body.is_table()) {
      fail(body, "'kernel." + kernel + "' is not a table: write [kernel.NAME] and its keys, " + valid);
      continue;
    }
    KernelSpeed speed = model_.any;
    speed.kernel = kernel;
    for (const auto& [name, item] : body.as_table())
      if (const auto* figure = find<KernelSpeed>(kKernelFigures, name))
        take_figure(*figure, item, speed, true);
      else
        fail(item, "unknown key 'kernel." + kernel + "." + name + "': valid here are " + valid);
    model_.kernels.push_back(std::move(speed));
  }
}

void Reader::take_failure(const toml::value& v) {
  if (!v.is_table()) return fail(v, "an entry of 'fail' is not a table: write { after_tasks = 1000, kind = \"lost\" }");
  Failure f;
  bool has_kind = false;
  for (const auto& [name, item] : v.as_table()) {
    if (name == "kind") {
      std::string kinds;
      for (unsigned k = 0; k < kFailureKinds; ++k) {
        const auto kind = static_cast<FailureKind>(k);
        kinds += (k ? ", " : "") + std::string(to_string(kind));
        if (!item.is_string() || item.as_string().str != to_string(kind)) continue;
        f.kind = kind;
        has_kind = true;
      }
      if (!has_kind) fail(item, "key 'fail.kind': not valid: it takes " + kinds);
      has_kind = true;
    } else if (name == "kernel") {
      take_text(item, "fail.kernel", f.kernel);
    } else if (const auto* figure = find<Failure>(kFailureFigures, name)) {
      take_figure(*figure, item, f, false);
    } else {
      fail(item, "unknown key 'fail." + name + "': valid here are kind, kernel, " + names_of<Failure>(kFailureFigures));
    }
  }
  if (!has_kind) fail(v, "an entry of 'fail' has no kind: add kind = \"lost\" or another");
  model_.failures.push_back(std::move(f));
}

void Reader::take_failures(const toml::value& v) {
  if (!v.is_array()) return fail(v, "'fail' is not a list: write fail = [{ after_tasks = 1000, kind = \"lost\" }]");
  for (const auto& item : v.as_array()) take_failure(item);
}

// The speed of any kernel is read before the kernels' own, which start from it.
void Reader::take_root(const toml::value& root) {
  const toml::value* kernels = nullptr;
  for (const auto& [name, v] : root.as_table()) {
    if (name == "name") {
      take_text(v, name, model_.name);
    } else if (name == "in_place") {
      if (v.is_boolean())
        model_.in_place = v.as_boolean();
      else
        fail(v, "key 'in_place': it takes true, false");
    } else if (name == "kernel") {
      kernels = &v;
    } else if (name == "fail") {
      take_failures(v);
    } else if (const auto* of_device = find<DeviceModel>(kDeviceFigures, name)) {
      take_figure(*of_device, v, model_, true);
    } else if (const auto* of_kernels = find<KernelSpeed>(kKernelFigures, name)) {
      take_figure(*of_kernels, v, model_.any, true);
    } else {
      fail(v, "unknown key '" + name + "': valid here are name, in_place, " + names_of<DeviceModel>(kDeviceFigures) +
                  ", " + names_of<KernelSpeed>(kKernelFigures) + ", kernel, fail");
    }
  }
  if (kernels) take_kernels(*kernels);
}

std::string models_there() {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(models_dir(), failed))
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& name : names) out += name + ", ";
  return out;
}

}  // namespace

std::string models_dir() { return default_data_dir("models"); }

Result<DeviceModel> parse_device_model(const std::string& text, const std::string& file) {
  auto root = parse_toml(text, file);
  if (!root) return Error{"model: " + file + ": not TOML: " + root.error().text + ", mend the file"};
  DeviceModel model;
  model.file = file;
  model.name = fs::path(file).stem().string();
  Reader reader(file, model);
  reader.take_root(*root);
  if (!reader.errors().empty()) return Error{reader.errors()};
  return model;
}

Result<DeviceModel> load_device_model(const std::string& name) {
  const bool is_path = name.find('/') != std::string::npos || name.ends_with(".toml");
  const std::string path = is_path ? name : models_dir() + "/" + name + ".toml";
  const auto text = read_text(path);
  if (text) return parse_device_model(*text, path);
  if (is_path) return Error{"model " + name + ": " + text.error().text + ": check the path"};
  return Error{"model " + name + ": unknown: choose one of: " + models_there() + "or the path of a .toml file"};
}

}  // namespace fulcrum
