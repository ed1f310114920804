// SPDX-License-Identifier: MIT
// config.cc - TOML tables and --set assignments -> rows of config_keys.h -> HelperConfig.
#include "control/config.h"

#include <filesystem>
#include <sstream>

#include "base/toml_file.h"
#include "control/config_keys.h"
#include "fulcrum.h"
#include "fulcrum/text_file.h"

namespace fulcrum {
namespace {

namespace fs = std::filesystem;

// Where an error was found: "file.toml:12" or "--set workers.count=x".
struct Reader {
  std::string file;      // empty: --set
  std::string argument;  // of --set
  std::string errors;    // a line each

  std::string place(const toml::value& v) const {
    return file.empty() ? "--set " + argument : file + ":" + std::to_string(v.location().line());
  }
  void fail(const toml::value& v, const std::string& text) {
    errors += (errors.empty() ? "" : "\n") + ("config: " + place(v) + ": " + text);
  }
};

template <class Keys>
std::string names_of(const Keys& keys, const std::string& prefix) {
  std::string out;
  for (const auto& key : keys)
    if (std::string_view(key.name).starts_with(prefix)) out += (out.empty() ? "" : ", ") + std::string(key.name);
  return out;
}

template <class Target>
void take(Reader& reader, std::span<const ConfigKey<Target>> keys, const std::string& name, const std::string& section,
          const toml::value& v, Target& target) {
  for (const auto& key : keys)
    if (name == key.name) {
      std::string wrong = key.set(v, target);
      if (!wrong.empty()) reader.fail(v, "key '" + name + "': " + wrong + ": it takes " + key.takes);
      return;
    }
  reader.fail(v, "unknown key '" + name + "': valid here are " + names_of(keys, section));
}

void take_device(Reader& reader, const toml::value& table, DeviceConfig& device) {
  if (!table.is_table()) return reader.fail(table, "'device' is not a table: write [[device]]");
  for (const auto& [name, v] : table.as_table()) take(reader, device_keys(), name, "", v, device);
  if (reader.file.empty()) return;  // another --set may bring what is missing
  if (device.kind == "modelled" && device.model.empty())
    reader.fail(table, "device '" + device.name + "' has no model: add model = \"NAME\" or the path of a .toml file");
  if (device.kind != "modelled" && !device.model.empty())
    reader.fail(table, "device '" + device.name + "' has a model: only kind = \"modelled\" takes one");
}

void take_devices(Reader& reader, const toml::value& v, HelperConfig& config) {
  if (v.is_array()) {
    config.devices.clear();
    for (const auto& item : v.as_array()) {
      config.devices.emplace_back();
      take_device(reader, item, config.devices.back());
    }
  } else {
    if (config.devices.empty()) config.devices.emplace_back();
    take_device(reader, v, config.devices.front());
  }
  if (config.devices.size() > FULCRUM_RINGS - 1)
    reader.fail(v,
                "more than " + std::to_string(FULCRUM_RINGS - 1) + " devices: a queue has no more rings, remove some");
}

void take_root(Reader& reader, const toml::value& root, HelperConfig& config) {
  for (const auto& [section, body] : root.as_table()) {
    std::string prefix = section + ".";
    if (section == "device") {
      take_devices(reader, body, config);
    } else if (names_of(config_keys(), prefix).empty()) {
      reader.fail(body, "unknown section '" + section + "': valid are helper, workers, port, balance, device");
    } else if (!body.is_table()) {
      reader.fail(body, "'" + section + "' is a section: write [" + section + "] and its keys, " +
                            names_of(config_keys(), prefix));
    } else {
      for (const auto& [name, v] : body.as_table()) take(reader, config_keys(), prefix + name, prefix, v, config);
    }
  }
}

void check_device_names(Reader& reader, const toml::value& root, const HelperConfig& config) {
  for (std::size_t i = 0; i < config.devices.size(); i++)
    for (std::size_t k = 0; k < i; k++)
      if (config.devices[i].name == config.devices[k].name)
        reader.fail(root, "two devices are called '" + config.devices[i].name + "': give each its own name");
}

Result<void> finish(Reader& reader, const toml::value& root, HelperConfig& parsed, HelperConfig& config) {
  if (reader.errors.empty()) check_device_names(reader, root, parsed);
  if (!reader.errors.empty()) return Error{reader.errors};
  config = std::move(parsed);
  return {};
}

}  // namespace

const char* to_string(IdleMode v) {
  static constexpr const char* kNames[] = {"spin", "adaptive", "powersave"};
  return kNames[static_cast<unsigned>(v)];
}
const char* to_string(ReturnWay v) {
  static constexpr const char* kNames[] = {"auto", "live", "ring", "tap"};
  return kNames[static_cast<unsigned>(v)];
}
const char* to_string(UmemKind v) {
  static constexpr const char* kNames[] = {"auto", "map", "memfd"};
  return kNames[static_cast<unsigned>(v)];
}

Result<void> load_config_file(const std::string& path, HelperConfig& config) {
  const auto text = read_text(path);
  if (!text) return Error{"config: " + path + ": " + text.error().text + ", check --config"};
  auto root = parse_toml(*text, path);
  if (!root) return Error{"config: " + path + ": not TOML: " + root.error().text + ", mend the file"};
  Reader reader{path, {}, {}};
  HelperConfig parsed = config;
  parsed.pipeline_file.clear();
  take_root(reader, *root, parsed);
  for (DeviceConfig& d : parsed.devices)
    if (const bool is_file = d.model.ends_with(".toml") || d.model.find('/') != d.model.npos;
        is_file && fs::path(d.model).is_relative())
      d.model = (fs::path(path).parent_path() / d.model).string();
  // A relative pipeline file is relative to the file that names it.
  if (parsed.pipeline_file.empty())
    parsed.pipeline_file = config.pipeline_file;
  else if (fs::path(parsed.pipeline_file).is_relative())
    parsed.pipeline_file = (fs::path(path).parent_path() / parsed.pipeline_file).string();
  return finish(reader, *root, parsed, config);
}

Result<void> set_config_key(const std::string& assignment, HelperConfig& config) {
  std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    return Error{"config: --set " + assignment + ": no '=' in it: write section.key=value, see --help"};
  std::string key = assignment.substr(0, equals), value = assignment.substr(equals + 1);
  std::string quoted = value;
  for (char c : {'\\', '"'})
    for (std::size_t at = 0; (at = quoted.find(c, at)) != std::string::npos; at += 2) quoted.insert(at, 1, '\\');
  const auto refused = [&](const std::string& why) {
    return Error{"config: --set " + assignment + ": " + why + ": write section.key=value, see --help"};
  };
  if (key.find_first_of("\n\r") != std::string::npos || value.find_first_of("\n\r") != std::string::npos)
    return refused("more than one line");
  auto root = parse_toml(key + " = " + value + "\n", "--set");
  if (!root) root = parse_toml(key + " = \"" + quoted + "\"\n", "--set");
  if (!root) return refused(root.error().text);
  Reader reader{{}, assignment, {}};
  HelperConfig parsed = config;
  take_root(reader, *root, parsed);
  return finish(reader, *root, parsed, config);
}

DeviceSpec device_spec(const DeviceConfig& c) {
  DeviceSpec spec;
  spec.kind = c.kind;
  spec.name = c.name;
  spec.which = c.device;
  spec.model = c.model;
  spec.wraps = c.wraps;
  spec.in_place = c.in_place;
  spec.threads = c.threads;
  spec.cpus.assign(c.cpus.begin(), c.cpus.end());
  spec.max_in_flight = c.max_in_flight;
  spec.script = c.script;
  return spec;
}

std::string config_help() {
  std::ostringstream out;
  auto row = [&](const std::string& name, const char* takes, const char* help) {
    out << "  " << name << std::string(name.size() < 26 ? 26 - name.size() : 1, ' ') << help << " (" << takes << ")\n";
  };
  out << "Keys of --config and --set:\n";
  for (const auto& key : config_keys()) row(key.name, key.takes, key.help);
  for (const auto& key : device_keys()) row(std::string("device.") + key.name, key.takes, key.help);
  return out.str();
}

}  // namespace fulcrum
