// SPDX-License-Identifier: MIT
// text_file.h - a file -> its text, a text -> its lines.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "fulcrum/result.h"

namespace fulcrum {

// Errors: not there, no permission, a directory: "cannot be read: why".
inline Result<std::string> read_text(const std::string& path) {
  const auto unreadable = [] { return Error{std::string("cannot be read: ") + std::strerror(errno)}; };
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (!file) return unreadable();
  std::string text;
  char chunk[65536];
  while (std::size_t n = std::fread(chunk, 1, sizeof chunk, file)) text.append(chunk, n);
  Result<std::string> result = std::ferror(file) ? Result<std::string>(unreadable()) : std::move(text);
  std::fclose(file);
  return result;
}

// Calls f(line) for each, without its end; a last line without one counts.
template <class F>
void for_each_line(std::string_view text, F&& f) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    f(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
}

}  // namespace fulcrum
