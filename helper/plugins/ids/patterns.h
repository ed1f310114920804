// SPDX-License-Identifier: MIT
// patterns.h - pattern files and strings -> literal patterns.
//
// A pattern file has one pattern a line, written as a Snort content string:
// printable text, |hex bytes| in between, and \ before \ " ; : | taken as such.
// Empty lines and lines that begin with # are skipped (write |23| for a leading #).
//
// A file whose first line is a row of column names separated by tabs, one of them
// `content`, is a table: the pattern stands in that column. Columns `nocase`,
// `enabled` and `negated` (0 or 1) are heeded; a negated or disabled line adds no
// pattern. Other columns are for the reader. Of equal patterns the first counts.
//
// Patterns are numbered from 0 in the order of the file.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fulcrum::ids {

struct Pattern {
  std::string bytes;    // never empty
  bool nocase = false;  // ASCII letters match either case
};

struct PatternList {
  std::vector<Pattern> patterns;
  std::vector<std::string> errors;  // "FILE:LINE: what"
};

inline constexpr std::size_t kMaxPatternBytes = 4096;
inline constexpr std::size_t kMaxPatterns = 1'000'000;

PatternList parse_patterns(std::string_view text, const std::string& name);
PatternList load_patterns(const std::string& path);

}  // namespace fulcrum::ids
