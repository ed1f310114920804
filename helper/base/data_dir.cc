// SPDX-License-Identifier: MIT
// data_dir.cc - where built or installed files are, seen from the running program.
#include "base/data_dir.h"

#include <filesystem>

namespace fulcrum {

namespace fs = std::filesystem;

std::string default_data_dir(const char* what) {
  std::error_code failed;
  const fs::path up = fs::read_symlink("/proc/self/exe", failed).parent_path() / "..";
  const fs::path built = up / what, installed = up / "lib" / "fulcrum" / what;
  return (fs::is_directory(built, failed) ? built : installed).lexically_normal().string();
}

}  // namespace fulcrum
