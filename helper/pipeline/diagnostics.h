// SPDX-License-Identifier: MIT
// diagnostics.h - errors of one configuration file -> text with line, caret and choices.
//
//   FILE:LINE:COLUMN: error: unknown element class 'Countr'
//     in -> Countr -> ToPort(eth1);
//           ^
//     valid: Counter
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/element.h"

namespace fulcrum {

struct Diagnostic {
  SourcePos pos;  // {0,0}: the file as a whole
  std::string text;
  std::vector<std::string> choices;  // what would be valid, or empty
};

// Collects, so that one run shows everything that is wrong.
class Diagnostics {
 public:
  void set_source(std::string file_name, std::string source);
  void error(SourcePos pos, std::string text, std::vector<std::string> choices = {});

  bool ok() const { return errors_.empty(); }
  std::size_t count() const { return errors_.size(); }
  const std::string& file_name() const { return file_name_; }
  // In the order of the file.
  std::vector<Diagnostic> sorted() const;
  // All of them as printed; ends with a newline unless empty.
  std::string text() const;

 private:
  std::string_view line(int number) const;
  std::string format(const Diagnostic& d) const;

  std::string file_name_;
  std::string source_;
  std::vector<Diagnostic> errors_;
};

// Those of `known` that `word` may have meant: by edit distance, nearest first,
// at most `limit`. Empty: nothing is near.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& known, std::size_t limit = 3);

}  // namespace fulcrum
