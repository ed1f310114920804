// SPDX-License-Identifier: MIT
// skeleton.cc - the example plugin -> a folder with a new one of another name.
#include "skeleton.h"

#include <cctype>
#include <filesystem>
#include <fstream>

#include "fulcrum/text_file.h"
#include "pipeline/plugin_file.h"

namespace fulcrum::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWord = "sample";   // the example's own name, wherever it stands
constexpr const char* kClass = "Sample";  // of its element

// "tcp_syn" -> "TcpSyn"
std::string class_name(const std::string& plugin) {
  std::string out;
  bool upper = true;
  for (const char c : plugin) {
    if (c != '_') out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = c == '_';
  }
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// Where the example is: installed, or in the source tree that the program was built in.
fs::path example(fs::path& prefix) {
  std::error_code failed;
  const fs::path up = fs::read_symlink("/proc/self/exe", failed).parent_path().parent_path();
  const fs::path installed = up / "share/fulcrum/skeleton";
  if (!fs::is_directory(installed, failed)) return up.parent_path() / "tools/examples/plugin";
  prefix = up;
  return installed;
}

Result<void> write_file(const fs::path& from, const fs::path& to, const std::string& text) {
  std::ofstream out(to);
  out << text;
  out.close();
  if (!out) return Error{to.string() + ": cannot be written: is there room, and are the rights there?"};
  std::error_code failed;
  fs::permissions(to, fs::status(from, failed).permissions(), failed);
  return {};
}

}  // namespace

Result<std::string> write_skeleton(const std::string& plugin, const std::string& folder) {
  const std::string who = "plugin " + plugin + ": ";
  if (!is_plugin_name(plugin) || plugin[0] < 'a')
    return Error{"plugin '" + plugin + "': not a name: use lower-case letters, digits and '_', a letter first"};
  fs::path prefix;
  const fs::path source = example(prefix);
  std::error_code failed;
  if (!fs::is_directory(source, failed))
    return Error{who + source.string() + ": the example is not there: install Fulcrum with `make install`"};
  if (fs::exists(folder, failed) && !fs::is_empty(folder, failed))
    return Error{who + folder + ": is there already: give another --dir"};
  fs::create_directories(folder, failed);
  if (failed) return Error{who + folder + ": " + failed.message()};
  for (const fs::directory_entry& entry : fs::directory_iterator(source, failed)) {
    if (!entry.is_regular_file()) continue;
    auto text = read_text(entry.path().string());
    if (!text) return Error{who + entry.path().string() + ": " + text.error().text};
    std::string words = replaced(replaced(std::move(*text), kWord, plugin), kClass, class_name(plugin));
    if (!prefix.empty()) words = replaced(std::move(words), "PREFIX ?= /usr/local", "PREFIX ?= " + prefix.string());
    const fs::path to = fs::path(folder) / replaced(entry.path().filename().string(), kWord, plugin);
    if (auto ok = write_file(entry.path(), to, words); !ok) return Error{who + ok.error().text};
  }
  return folder;
}

}  // namespace fulcrum::cli
