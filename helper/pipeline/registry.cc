// SPDX-License-Identifier: MIT
// registry.cc - element classes by name: built-in ones and those of loaded plugins.
#include "pipeline/registry.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace fulcrum {
namespace {

namespace fs = std::filesystem;

// File and symbol names are made of it: no '/', no '.'.
bool is_plugin_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string symbol_of(std::string_view name) { return "fulcrum_plugin_" + std::string(name); }

const PluginInfo* linked_in(std::string_view name) {
  return static_cast<const PluginInfo*>(dlsym(RTLD_DEFAULT, symbol_of(name).c_str()));
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : ", ") + w;
  return out;
}

bool has_class(const PluginInfo& plugin, std::string_view class_name) {
  return std::any_of(plugin.elements.begin(), plugin.elements.end(),
                     [&](const ElementClass& c) { return class_name == c.name; });
}

// The file of `name`, or empty.
std::string plugin_file(std::string_view name) {
  for (const std::string& folder : Registry::plugin_directories()) {
    fs::path file = fs::path(folder) / (std::string(name) + ".so");
    std::error_code ignored;
    if (fs::exists(file, ignored)) return file.string();
  }
  return {};
}

// Looks into a plugin without keeping it.
bool file_has_class(const std::string& name, std::string_view class_name) {
  void* handle = dlopen(plugin_file(name).c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!handle) return false;
  auto* plugin = static_cast<const PluginInfo*>(dlsym(handle, symbol_of(name).c_str()));
  const bool found = plugin && plugin->abi == kPluginAbi && has_class(*plugin, class_name);
  dlclose(handle);
  return found;
}

}  // namespace

Registry::Registry() {
  for (const ElementClass* c : builtin_elements()) classes_.emplace(c->name, c);
}

Result<void> Registry::add(const PluginInfo& plugin) {
  const std::string who = std::string("plugin ") + plugin.name;
  if (plugin.abi != kPluginAbi)
    return Error{who + ": speaks plugin ABI " + std::to_string(plugin.abi) + ", this program " +
                 std::to_string(kPluginAbi) + ": build the plugin against the installed headers"};
  if (plugins_.contains(plugin.name)) return {};
  for (const ElementClass& c : plugin.elements)
    if (classes_.contains(c.name))
      return Error{who + ": element class " + c.name + ": exists already: rename one of them"};
  for (const ElementClass& c : plugin.elements) classes_.emplace(c.name, &c);
  plugins_.emplace(plugin.name, &plugin);
  return {};
}

Result<void> Registry::require(std::string_view name) {
  if (plugins_.contains(name)) return {};
  const std::string who = "plugin " + std::string(name);
  if (!is_plugin_name(name))
    return Error{"plugin '" + std::string(name) + "': not a name: use lower-case letters, digits and '_'"};
  if (const PluginInfo* plugin = linked_in(name)) return add(*plugin);
  const std::string file = plugin_file(name);
  if (file.empty())
    return Error{who + ": no " + std::string(name) + ".so in " + joined(plugin_directories()) +
                 ": build it, or set FULCRUM_PLUGIN_DIR to its folder"};
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) {
    const char* why = dlerror();
    return Error{who + ": " + file + ": cannot be loaded: " + (why ? why : "unknown") +
                 ": install what it needs or rebuild it"};
  }
  auto* plugin = static_cast<const PluginInfo*>(dlsym(handle, symbol_of(name).c_str()));
  if (!plugin)
    return Error{who + ": " + file + ": does not export " + symbol_of(name) + ": define it with FULCRUM_PLUGIN(" +
                 std::string(name) + ")"};
  Result<void> added = add(*plugin);
  if (!added) return Error{added.error().text + " (" + file + ")"};
  return {};
}

void Registry::require_all(const Config& config, Diagnostics& diag) {
  for (const Require& r : config.required) {
    Result<void> done = require(r.plugin);
    if (!done) diag.error(r.pos, done.error().text, available_plugins());
  }
}

const ElementClass* Registry::find(std::string_view class_name) const {
  auto found = classes_.find(class_name);
  return found == classes_.end() ? nullptr : found->second;
}

std::vector<std::string> Registry::class_names() const {
  std::vector<std::string> names;
  for (const auto& [name, c] : classes_) names.push_back(name);
  return names;
}

std::vector<const PluginInfo*> Registry::plugins() const {
  std::vector<const PluginInfo*> all;
  for (const auto& [name, plugin] : plugins_) all.push_back(plugin);
  return all;
}

std::vector<std::string> Registry::plugin_directories() {
  std::vector<std::string> folders;
  const char* chosen = std::getenv("FULCRUM_PLUGIN_DIR");
  if (chosen && *chosen) folders.emplace_back(chosen);
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) {
    const fs::path prefix = program.parent_path().parent_path();
    folders.push_back((prefix / "plugins").string());
    folders.push_back((prefix / "lib/fulcrum/plugins").string());
  }
  return folders;
}

std::vector<std::string> Registry::available_plugins() const {
  std::set<std::string> names;
  for (const auto& [name, plugin] : plugins_) names.insert(name);
  for (const std::string& folder : plugin_directories()) {
    std::error_code failed;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed))
      if (entry.path().extension() == ".so" && is_plugin_name(entry.path().stem().string()))
        names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

std::string Registry::plugin_with_class(std::string_view class_name) const {
  for (const auto& [name, plugin] : plugins_)
    if (has_class(*plugin, class_name)) return name;
  for (const std::string& name : available_plugins())
    if (!plugins_.contains(name) && file_has_class(name, class_name)) return name;
  return {};
}

}  // namespace fulcrum
