// SPDX-License-Identifier: MIT
// plugin_file.cc - a plugin's name -> its file, whom it belongs to -> its description in memory.
#include "pipeline/plugin_file.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

namespace fulcrum {
namespace {

namespace fs = std::filesystem;

std::string octal(mode_t mode) {
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3) digits += static_cast<char>('0' + (mode >> shift & 7));
  return digits;
}

Result<void> check_owner(const fs::path& path) {
  struct stat s;
  const uid_t me = geteuid();
  if (stat(path.c_str(), &s)) return Error{path.string() + ": " + std::strerror(errno)};
  if (s.st_uid != 0 && s.st_uid != me)
    return Error{path.string() + ": belongs to user " + std::to_string(s.st_uid) + ", not to root" +
                 (me ? " or user " + std::to_string(me) : "") +
                 ": a plugin runs with all rights of this program: if it is to be trusted, chown root " +
                 path.string()};
  if (s.st_mode & (S_IWGRP | S_IWOTH))
    return Error{path.string() + ": can be written by " + (s.st_mode & S_IWOTH ? "everyone" : "its group") + " (mode " +
                 octal(s.st_mode & 07777) + "): a plugin runs with all rights of this program: chmod go-w " +
                 path.string()};
  return {};
}

struct Search {
  std::uintptr_t inside;
  CodeRange found;
};

int note_range(dl_phdr_info* object, std::size_t, void* data) {
  auto* search = static_cast<Search*>(data);
  CodeRange range{~std::uintptr_t{0}, 0};
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    const std::uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    range.begin = std::min(range.begin, begin);
    range.end = std::max(range.end, begin + part.p_memsz);
  }
  if (search->inside < range.begin || search->inside >= range.end) return 0;
  search->found = range;
  return 1;
}

Result<void> check_info(const PluginInfo& info, std::string_view name) {
  // What stands behind `abi` is only known where that is ours.
  if (info.abi != kPluginAbi)
    return Error{"speaks plugin ABI " + std::to_string(info.abi) + ", this program " + std::to_string(kPluginAbi) +
                 ": build the plugin against the installed headers"};
  if (!info.name || name != info.name)
    return Error{std::string("calls itself '") + (info.name ? info.name : "") + "': file, FULCRUM_PLUGIN(" +
                 std::string(name) + ") and name must be the same"};
  return {};
}

}  // namespace

bool is_plugin_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string plugin_symbol(std::string_view name) { return "fulcrum_plugin_" + std::string(name); }

std::vector<std::string> plugin_folders(const std::vector<std::string>& configured) {
  std::vector<std::string> folders;
  const char* chosen = std::getenv("FULCRUM_PLUGIN_DIR");
  for (std::string_view rest = chosen ? chosen : ""; !rest.empty();) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    if (colon) folders.emplace_back(rest.substr(0, colon));
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  folders.insert(folders.end(), configured.begin(), configured.end());
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) {
    const fs::path prefix = program.parent_path().parent_path();
    folders.push_back((prefix / "plugins").string());
    folders.push_back((prefix / "lib/fulcrum/plugins").string());
  }
  return folders;
}

std::string plugin_file(std::string_view name, const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    fs::path file = fs::path(folder) / (std::string(name) + ".so");
    std::error_code ignored;
    if (fs::exists(file, ignored)) return file.string();
  }
  return {};
}

std::vector<std::string> plugin_names(const std::vector<std::string>& folders) {
  std::set<std::string> names;
  for (const std::string& folder : folders) {
    std::error_code failed;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed))
      if (entry.path().extension() == ".so" && is_plugin_name(entry.path().stem().string()))
        names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

Result<void> check_plugin_owner(const std::string& file) {
  std::error_code failed;
  const fs::path real = fs::canonical(file, failed);
  if (failed) return Error{file + ": " + failed.message()};
  for (const fs::path& folder : std::set<fs::path>{fs::absolute(file).parent_path(), real.parent_path()})
    if (auto ok = check_owner(folder); !ok) return ok;
  return check_owner(real);
}

Result<PluginFile> PluginFile::open(std::string_view name, const std::string& file) {
  const std::string who = "plugin " + std::string(name) + ": ";
  if (auto ok = check_plugin_owner(file); !ok) return Error{who + ok.error().text};
  PluginFile opened;
  opened.path_ = file;
  opened.handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!opened.handle_) {
    const char* why = dlerror();
    return Error{who + file + ": cannot be loaded: " + (why ? why : "unknown") +
                 ": install what it needs or rebuild it"};
  }
  opened.info_ = static_cast<const PluginInfo*>(dlsym(opened.handle_, plugin_symbol(name).c_str()));
  const Result<void> good = opened.info_ ? check_info(*opened.info_, name)
                                         : Error{"does not export " + plugin_symbol(name) +
                                                 ": define it with FULCRUM_PLUGIN(" + std::string(name) + ")"};
  if (good) return opened;
  opened.close();
  return Error{who + file + ": " + good.error().text};
}

CodeRange PluginFile::code() const {
  Search search{reinterpret_cast<std::uintptr_t>(info_), {}};
  dl_iterate_phdr(note_range, &search);
  return search.found;
}

bool PluginFile::close() {
  dlclose(handle_);
  handle_ = nullptr;
  info_ = nullptr;
  void* still = dlopen(path_.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (still) dlclose(still);
  return !still;
}

}  // namespace fulcrum
