// SPDX-License-Identifier: MIT
// diagnostics.h - errors of one configuration file -> text with line, caret and choices.
//
//   FILE:LINE:COLUMN: error: unknown element class 'Countr'
//     input -> Countr -> output
//              ^
//     valid: Counter
//     in compound 'x' of class 'Meters', declared at line 7 column 1
//
// COLUMN counts bytes, as compilers and editors do; the caret stands under what
// a terminal shows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/element.h"

namespace fulcrum {

// What else belongs to a diagnostic, and where.
struct Note {
  SourcePos pos;
  std::string text;
};

struct Diagnostic {
  SourcePos pos;  // {0,0}: the file as a whole
  std::string text;
  std::vector<std::string> choices;  // what would be valid, or empty
  std::vector<Note> notes;
  bool is_warning = false;
};

// Collects, so that one run shows everything that is wrong.
class Diagnostics {
 public:
  void set_source(std::string file_name, std::string source);
  // The same text at the same place is kept once: a compound may be used many times.
  void error(SourcePos pos, std::string text, std::vector<std::string> choices = {}, std::vector<Note> notes = {});
  void warning(SourcePos pos, std::string text, std::vector<Note> notes = {});

  bool ok() const { return errors_ == 0; }  // warnings are good
  std::size_t count() const { return errors_; }
  const std::string& file_name() const { return file_name_; }
  // In the order of the file, warnings among them.
  std::vector<Diagnostic> sorted() const;
  // All of them as printed; ends with a newline unless empty.
  std::string text() const;

 private:
  void add(Diagnostic d);
  std::string_view line(int number) const;
  std::string format(const Diagnostic& d) const;

  std::string file_name_;
  std::string source_;
  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
};

// Those of `known` that `word` may have meant: by edit distance, nearest first,
// at most `limit`. Empty: nothing is near.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& known, std::size_t limit = 3);

}  // namespace fulcrum
