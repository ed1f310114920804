// SPDX-License-Identifier: MIT
// registry.h - element classes by name: built-in ones and those of loaded plugins.
//
// A plugin NAME is the file NAME.so in one of the plugin directories, exporting
// `fulcrum_plugin_NAME`. Directories, in order: $FULCRUM_PLUGIN_DIR, then
// ../plugins and ../lib/fulcrum/plugins as seen from the running program.
//
// Threads: filled by one thread; const members by any afterwards.
// Owns:    a loaded plugin stays loaded as long as the process: tables and
//          elements made by it may outlive any pipeline.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/element.h"
#include "fulcrum/result.h"
#include "pipeline/config.h"

namespace fulcrum {

class Registry {
 public:
  Registry();  // knows the built-in classes

  // Adds a plugin that is already in memory. Errors: other ABI, class name taken.
  Result<void> add(const PluginInfo& plugin);
  // Loads plugin `name` unless it is there. A plugin linked into the program
  // itself comes before files.
  Result<void> require(std::string_view name);
  // All require() of `config`; what fails is reported at its place.
  void require_all(const Config& config, Diagnostics& diag);

  const ElementClass* find(std::string_view class_name) const;
  std::vector<std::string> class_names() const;
  std::vector<const PluginInfo*> plugins() const;

  // Names of the plugin files that could be required.
  std::vector<std::string> available_plugins() const;
  // The plugin, loaded or not, that has class `class_name`; empty: none.
  std::string plugin_with_class(std::string_view class_name) const;

  static std::vector<std::string> plugin_directories();

 private:
  std::map<std::string, const ElementClass*, std::less<>> classes_;
  std::map<std::string, const PluginInfo*, std::less<>> plugins_;
};

// The built-in classes (helper/pipeline/elements).
std::span<const ElementClass* const> builtin_elements();

}  // namespace fulcrum
