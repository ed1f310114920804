// SPDX-License-Identifier: MIT
// toml_file.cc - TOML text -> values, or one line that says what is wrong where.
#include "base/toml_file.h"

#include <cctype>
#include <sstream>

namespace fulcrum {
namespace {

// toml11 words its errors over many lines; the first tells what, the place follows "-->".
std::string short_error(const std::string& what) {
  std::string first = what.substr(0, what.find('\n'));
  for (const char* noise : {"[error] ", "toml::parse_table: ", "toml::"})
    if (std::size_t at = first.find(noise); at != std::string::npos) first.erase(at, std::string(noise).size());
  std::size_t line = what.find("\n ");
  while (line != std::string::npos && !isdigit(static_cast<unsigned char>(what[what.find_first_not_of(" \n", line)])))
    line = what.find("\n ", line + 1);
  if (line == std::string::npos) return first;
  std::size_t from = what.find_first_not_of(" \n", line), to = what.find_first_not_of("0123456789", from);
  return "line " + what.substr(from, to - from) + ": " + first;
}

}  // namespace

Result<toml::value> parse_toml(const std::string& text, const std::string& name) {
  try {
    std::istringstream in(text);
    return toml::parse(in, name);
  } catch (const std::exception& e) {
    return Error{short_error(e.what())};
  }
}

}  // namespace fulcrum
