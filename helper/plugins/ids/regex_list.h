// SPDX-License-Identifier: MIT
// regex_list.h - files and strings of regular expressions -> parsed expressions.
//
// A file has one expression a line, /RE/FLAGS or ID:/RE/FLAGS. RE goes to the
// last / of the line; a / inside may be written \/. FLAGS: i, m, s (regex_parse.h
// says what is understood). ID is a number for the reader and has no effect.
// Empty lines and lines that begin with # are skipped.
//
// Expressions are numbered from 0 in the order of the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "regex_parse.h"

namespace fulcrum::ids {

struct Regex {
  std::string text;  // between the slashes
  RegexFlags flags;
  RegexTree tree;
  std::string where;  // "FILE:LINE", or "expression 2"
};

struct RegexList {
  std::vector<Regex> expressions;
  std::vector<std::string> errors;  // "FILE:LINE:COLUMN: what"
};

inline constexpr std::size_t kMaxRegexBytes = 16000;
inline constexpr std::size_t kMaxRegexes = 100'000;

// One /RE/FLAGS. Errors: column (from 1) and text.
struct RegexLine {
  Regex regex;
  std::size_t column = 0;
  std::string error;
};
RegexLine parse_regex_line(std::string_view line);

RegexList parse_regexes(std::string_view text, const std::string& name);
RegexList load_regexes(const std::string& path);

}  // namespace fulcrum::ids
