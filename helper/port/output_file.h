// SPDX-License-Identifier: MIT
// output_file.h - bytes -> a file that appears as a whole or not at all.
//
// Written without a name where the file system can do that (O_TMPFILE), so that
// even a kill leaves nothing behind, else beside its place; commit() gives it its
// name. What is no regular file (a terminal, a pipe, /dev/null) is written in place.
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
  OutputFile(std::string path, std::string temporary, bool named, std::FILE* file)
      : path_(std::move(path)), temporary_(std::move(temporary)), named_(named), file_(file) {}
  int publish() noexcept;

  std::string path_;
  std::string temporary_;  // name until commit() is done; empty: written in place
  bool named_;             // temporary_ exists
  std::FILE* file_;
  int error_ = 0;
};

}  // namespace fulcrum
