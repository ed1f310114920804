// SPDX-License-Identifier: MIT
// patterns.h - a table of rule contents, or nothing -> a pattern file for PayloadMatch, and its words.
#pragma once

#include <string>
#include <vector>

#include "bench/temp_file.h"

namespace fulcrum {

// A file in the temporary folder, gone with this object.
class PatternFile {
 public:
  static constexpr unsigned kPatterns = 3000;

  // `table`: a table as ids/patterns.h reads it, with columns sid and content: the longest content of each rule,
  // 3,000 of them, spread over the table. Empty: as many words of letters and digits, the same each time.
  // Errors: the table cannot be read, has no such columns or too few rules; the folder cannot be written to.
  static Result<PatternFile> make(const std::string& table);

  const std::string& path() const { return file_.path(); }
  // Those patterns that are plain text.
  const std::vector<std::string>& words() const { return words_; }

 private:
  PatternFile(TempFile file, std::vector<std::string> words) : file_(std::move(file)), words_(std::move(words)) {}
  TempFile file_;
  std::vector<std::string> words_;
};

}  // namespace fulcrum
