// SPDX-License-Identifier: MIT
// registry.h - element classes by name: built-in ones and those of loaded plugins.
//
// A plugin NAME is the file NAME.so in one of the plugin folders (plugin_file.h
// says which, and whose they must be), exporting `fulcrum_plugin_NAME`.
//
// Threads: one, that also builds and destroys graphs; const members by any
//          while no plugin is loaded or unloaded.
// Owns:    loaded plugins, together with whoever holds a PluginRef: graphs whose
//          elements come from it, and what these elements share. A plugin is unmapped
//          by unload() alone; without it, it stays mapped as long as the process.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/element.h"
#include "fulcrum/result.h"
#include "pipeline/config.h"
#include "pipeline/plugin_file.h"

namespace fulcrum {

// A plugin that was started. stop() runs when the last reference goes.
class LoadedPlugin {
 public:
  LoadedPlugin(const PluginInfo& info, std::string path, CodeRange code)
      : info_(info), path_(std::move(path)), code_(code) {}
  ~LoadedPlugin() {
    if (info_.stop) info_.stop();
  }
  LoadedPlugin(const LoadedPlugin&) = delete;
  LoadedPlugin& operator=(const LoadedPlugin&) = delete;

  const PluginInfo& info() const { return info_; }
  const std::string& path() const { return path_; }  // empty: part of the program
  const CodeRange& code() const { return code_; }

 private:
  const PluginInfo& info_;
  std::string path_;
  CodeRange code_;
};
using PluginRef = std::shared_ptr<const LoadedPlugin>;

class Registry {
 public:
  // Knows the built-in classes. `folders`: where plugins are, before those beside the program.
  explicit Registry(std::vector<std::string> folders = {});

  // Adds a plugin that is part of the program. Errors: other ABI, class name taken, start() failed.
  Result<void> add(const PluginInfo& plugin);
  // Loads plugin `name` unless it is there. A plugin linked into the program itself
  // comes before files. Errors leave everything as it was.
  Result<void> require(std::string_view name);
  // All require() of `config`; what fails is reported at its place.
  void require_all(const Config& config, Diagnostics& diag);
  // Unmaps a plugin that nothing uses any more.
  // Context: devices have forgotten its kernels and tables.
  // Errors: not loaded; part of the program; in use; its code cannot be unmapped (it is unloaded then all the same).
  Result<void> unload(std::string_view name);

  const ElementClass* find(std::string_view class_name) const;
  // The plugin that the class comes from; null: built in, or no such class.
  PluginRef owner_of(std::string_view class_name) const;
  PluginRef plugin(std::string_view name) const;  // null: not loaded
  std::vector<PluginRef> plugins() const;
  std::vector<std::string> class_names() const;

  // The file of a plugin that is not loaded, for a look. Errors: none; refused.
  Result<PluginFile> open(std::string_view name) const;
  // Names of the plugins that are loaded, or could be.
  std::vector<std::string> available_plugins() const;
  // The plugin, loaded or not, that has class `class_name`; empty: none.
  std::string plugin_with_class(std::string_view class_name) const;
  std::vector<std::string> folders() const { return plugin_folders(configured_folders_); }

 private:
  struct Entry {
    const ElementClass* element_class;
    PluginRef plugin;
  };
  Result<void> enter(const PluginInfo& plugin, const std::string& path, CodeRange code);

  std::vector<std::string> configured_folders_;
  std::map<std::string, Entry, std::less<>> classes_;
  std::map<std::string, PluginRef, std::less<>> plugins_;
  std::map<std::string, PluginFile, std::less<>> files_;  // of plugins_, by name
  std::set<std::string, std::less<>> stuck_;              // unloaded, but still mapped
};

// The built-in classes (helper/pipeline/elements).
std::span<const ElementClass* const> builtin_elements();

}  // namespace fulcrum
