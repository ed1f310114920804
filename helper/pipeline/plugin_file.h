// SPDX-License-Identifier: MIT
// plugin_file.h - a plugin's name -> its file, whom it belongs to -> its description in memory.
//
// A plugin runs with all the rights of the program that loads it. So its file, and
// the folder that the file is in, must belong to root and must not be writable by
// group or others; a program that does not run as root also takes what belongs to
// its own user. Symbolic links are followed first.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/code_range.h"
#include "fulcrum/element.h"
#include "fulcrum/result.h"

namespace fulcrum {

// File and symbol names are made of it: lower-case letters, digits, '_'.
bool is_plugin_name(std::string_view name);
std::string plugin_symbol(std::string_view name);

// Where plugins are looked for, in order: $FULCRUM_PLUGIN_DIR (several with ':'
// between), `configured`, and beside the program ../plugins and ../lib/fulcrum/plugins.
std::vector<std::string> plugin_folders(const std::vector<std::string>& configured);
// The first file NAME.so in one of them, or empty.
std::string plugin_file(std::string_view name, const std::vector<std::string>& folders);
// Names of all files that are there.
std::vector<std::string> plugin_names(const std::vector<std::string>& folders);

// Errors: it, or the folder it is in, belongs to another or can be written by others.
Result<void> check_plugin_owner(const std::string& file);

// A plugin's file in memory; unmapped by close(), not by the destructor.
class PluginFile {
 public:
  // Errors: not to be trusted; cannot be mapped; exports no description; another ABI or name.
  static Result<PluginFile> open(std::string_view name, const std::string& file);

  const PluginInfo& info() const { return *info_; }
  const std::string& path() const { return path_; }
  CodeRange code() const;
  // True: it is gone. Else something keeps it mapped: unique symbols, threads' destructors.
  bool close();

 private:
  PluginFile() = default;
  std::string path_;
  void* handle_ = nullptr;
  const PluginInfo* info_ = nullptr;
};

}  // namespace fulcrum
