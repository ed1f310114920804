// SPDX-License-Identifier: MIT
// output_file.h - bytes -> a file that appears as a whole or not at all.
//
// Written beside its place under another name, renamed by commit(). What is no
// regular file (a terminal, a pipe, /dev/null) is written in place.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "fulcrum/result.h"

namespace fulcrum {

class OutputFile {
 public:
  // Errors: the folder is not there or not writable.
  static Result<std::unique_ptr<OutputFile>> open(const std::string& path);
  ~OutputFile();  // without commit(): removes what was written
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // Errors are kept and told by commit().
  void write(const void* data, std::size_t bytes) noexcept;
  // Errors: any write that failed (disk full).
  Result<void> commit();
  const std::string& path() const { return path_; }

 private:
  OutputFile(std::string path, std::string temporary, std::FILE* file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(file) {}

  std::string path_;
  std::string temporary_;  // empty: written in place
  std::FILE* file_;
  int error_ = 0;
};

}  // namespace fulcrum
