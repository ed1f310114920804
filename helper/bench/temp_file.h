// SPDX-License-Identifier: MIT
// temp_file.h - a text -> a file in the temporary folder, gone with its object.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "fulcrum/result.h"

namespace fulcrum {

class TempFile {
 public:
  // Errors: the folder cannot be written to, or is full.
  static Result<TempFile> make(const std::string& text) {
    std::error_code none;
    TempFile file((std::filesystem::temp_directory_path(none) / "fulcrum-bench-XXXXXX").string());
    const int fd = mkstemp(file.path_.data());
    if (fd < 0) file.path_.clear();
    std::FILE* out = fd < 0 ? nullptr : fdopen(fd, "w");
    const bool written = out && std::fwrite(text.data(), 1, text.size(), out) == text.size();
    if ((out && std::fclose(out) != 0) || !written)
      return Error{"bench: no temporary file: set TMPDIR to a folder with room"};
    return file;
  }
  ~TempFile() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  TempFile(TempFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempFile& operator=(TempFile&&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit TempFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace fulcrum
