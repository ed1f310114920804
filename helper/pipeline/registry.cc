// SPDX-License-Identifier: MIT
// registry.cc - element classes by name: built-in ones and those of loaded plugins.
#include "pipeline/registry.h"

#include <dlfcn.h>

#include <algorithm>
#include <exception>

namespace fulcrum {
namespace {

const PluginInfo* linked_in(std::string_view name) {
  return static_cast<const PluginInfo*>(dlsym(RTLD_DEFAULT, plugin_symbol(name).c_str()));
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

// The message outlives the plugin, whose code an exception may be part of.
Result<void> started(const PluginInfo& plugin) {
  if (!plugin.start) return {};
  try {
    if (Result<void> done = plugin.start(); !done) return Error{"does not start: " + done.error().text};
    return {};
  } catch (const std::exception& e) {
    return Error{std::string("does not start: it throws: ") + e.what()};
  } catch (...) {
    return Error{"does not start: it throws"};
  }
}

}  // namespace

Registry::Registry(std::vector<std::string> folders) : configured_folders_(std::move(folders)) {
  for (const ElementClass* c : builtin_elements()) classes_.emplace(c->name, Entry{c, nullptr});
}

Result<void> Registry::add(const PluginInfo& plugin) { return enter(plugin, "", {}); }

Result<void> Registry::enter(const PluginInfo& plugin, const std::string& path, CodeRange code) {
  const std::string who = std::string("plugin ") + plugin.name + ": " + (path.empty() ? "" : path + ": ");
  if (plugin.abi != kPluginAbi)
    return Error{who + "speaks plugin ABI " + std::to_string(plugin.abi) + ", this program " +
                 std::to_string(kPluginAbi) + ": build the plugin against the installed headers"};
  if (plugins_.contains(plugin.name)) return {};
  for (auto c = plugin.elements.begin(); c != plugin.elements.end(); ++c) {
    const auto taken = classes_.find(c->name);
    const bool twice = std::any_of(plugin.elements.begin(), c,
                                   [&](const ElementClass& e) { return std::string_view(e.name) == c->name; });
    if (taken == classes_.end() && !twice) continue;
    const std::string owner = twice                  ? "in the plugin itself"
                              : taken->second.plugin ? std::string("in plugin ") + taken->second.plugin->info().name
                                                     : "built in";
    return Error{who + "element class " + c->name + ": exists already, " + owner + ": rename one of them"};
  }
  if (auto ok = started(plugin); !ok) return Error{who + ok.error().text};
  const auto loaded = std::make_shared<const LoadedPlugin>(plugin, path, code);
  for (const ElementClass& c : plugin.elements) classes_.emplace(c.name, Entry{&c, loaded});
  plugins_.emplace(plugin.name, loaded);
  return {};
}

Result<PluginFile> Registry::open(std::string_view name) const {
  const std::string who = "plugin " + std::string(name);
  if (!is_plugin_name(name))
    return Error{"plugin '" + std::string(name) + "': not a name: use lower-case letters, digits and '_'"};
  const std::string file = plugin_file(name, folders());
  if (file.empty())
    return Error{who + ": no " + std::string(name) + ".so in " + joined(folders()) +
                 ": build it, or set FULCRUM_PLUGIN_DIR to its folder"};
  if (stuck_.contains(name))
    return Error{who + ": " + file + ": the one that was unloaded is still mapped: restart the program to load it"};
  return PluginFile::open(name, file);
}

Result<void> Registry::require(std::string_view name) {
  if (plugins_.contains(name)) return {};
  if (is_plugin_name(name))
    if (const PluginInfo* plugin = linked_in(name)) return add(*plugin);
  Result<PluginFile> file = open(name);
  if (!file) return file.error();
  if (Result<void> entered = enter(file->info(), file->path(), file->code()); !entered) {
    file->close();
    return entered;
  }
  files_.emplace(name, std::move(*file));
  return {};
}

void Registry::require_all(const Config& config, Diagnostics& diag) {
  for (const Require& r : config.required) {
    Result<void> done = require(r.plugin);
    if (!done) diag.error(r.pos, done.error().text, available_plugins());
  }
}

Result<void> Registry::unload(std::string_view name) {
  const std::string who = "plugin " + std::string(name) + ": ";
  const auto loaded = plugins_.find(name);
  if (loaded == plugins_.end()) return Error{who + "is not loaded: see `fulcrum plugin list`"};
  const auto file = files_.find(name);
  if (file == files_.end()) return Error{who + "is part of this program: it cannot be unloaded"};
  const auto own = static_cast<long>(loaded->second->info().elements.size()) + 1;
  if (loaded->second.use_count() > own)
    return Error{who + "is in use: load a pipeline without its elements first, and let the old one drain"};
  std::erase_if(classes_, [&](const auto& c) { return c.second.plugin == loaded->second; });
  plugins_.erase(loaded);  // stops it
  const bool gone = file->second.close();
  files_.erase(file);
  if (gone) return {};
  stuck_.emplace(name);
  return Error{who + "is unloaded, but its code stays mapped, by unique symbols or a thread's destructors: " +
               "build it with -fno-gnu-unique (plugin.mk does); to load another version restart the program"};
}

const ElementClass* Registry::find(std::string_view class_name) const {
  auto found = classes_.find(class_name);
  return found == classes_.end() ? nullptr : found->second.element_class;
}

PluginRef Registry::owner_of(std::string_view class_name) const {
  auto found = classes_.find(class_name);
  return found == classes_.end() ? nullptr : found->second.plugin;
}

PluginRef Registry::plugin(std::string_view name) const {
  auto found = plugins_.find(name);
  return found == plugins_.end() ? nullptr : found->second;
}

std::vector<PluginRef> Registry::plugins() const {
  std::vector<PluginRef> all;
  for (const auto& [name, plugin] : plugins_) all.push_back(plugin);
  return all;
}

std::vector<std::string> Registry::class_names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : classes_) names.push_back(name);
  return names;
}

std::vector<std::string> Registry::available_plugins() const {
  const std::vector<std::string> files = plugin_names(folders());
  std::set<std::string> names(files.begin(), files.end());
  for (const auto& [name, plugin] : plugins_) names.insert(name);
  return {names.begin(), names.end()};
}

std::string Registry::plugin_with_class(std::string_view class_name) const {
  if (const PluginRef owner = owner_of(class_name)) return owner->info().name;
  for (const std::string& name : available_plugins()) {
    if (plugins_.contains(name)) continue;
    Result<PluginFile> file = open(name);  // a look, nothing is started
    if (!file) continue;
    const bool found = has_class(file->info(), class_name);
    file->close();
    if (found) return name;
  }
  return {};
}

}  // namespace fulcrum
