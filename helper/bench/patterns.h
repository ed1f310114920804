// SPDX-License-Identifier: MIT
// patterns.h - a table of rule contents, or nothing -> a pattern file for PayloadMatch, and its words.
#pragma once

#include <string>
#include <vector>

#include "fulcrum/result.h"

namespace fulcrum {

// A file in the temporary folder, gone with this object.
class PatternFile {
 public:
  static constexpr unsigned kPatterns = 3000;

  // `table`: a table as ids/patterns.h reads it, with columns sid and content: the longest content of each rule,
  // 3,000 of them, spread over the table. Empty: as many words of letters and digits, the same each time.
  // Errors: the table cannot be read, has no such columns or too few rules; the folder cannot be written to.
  static Result<PatternFile> make(const std::string& table);
  ~PatternFile();
  PatternFile(PatternFile&& other) noexcept;
  PatternFile& operator=(PatternFile&&) = delete;

  const std::string& path() const { return path_; }
  // Those patterns that are plain text.
  const std::vector<std::string>& words() const { return words_; }
  const std::string& origin() const { return origin_; }

 private:
  PatternFile() = default;
  std::string path_, origin_;
  std::vector<std::string> words_;
};

}  // namespace fulcrum
