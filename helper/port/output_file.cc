// SPDX-License-Identifier: MIT
// output_file.cc - bytes -> a file that appears as a whole or not at all.
#include "port/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace fulcrum {
namespace {

Error refused(const std::string& path, int code) {
  return Error{path + ": cannot be written: " + std::strerror(code) + ": check the folder and its permissions"};
}

// Rename would put a plain file in the place of a device or a symbolic link.
std::string real_place(const std::string& path) {
  std::error_code failed;
  std::string real = std::filesystem::weakly_canonical(path, failed).string();
  return failed || real.empty() ? path : real;
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path) {
  const std::string place = real_place(path);
  struct stat there;
  const bool in_place = stat(place.c_str(), &there) == 0 && !S_ISREG(there.st_mode);
  if (in_place && S_ISDIR(there.st_mode)) return refused(path, EISDIR);
  std::string temporary = in_place ? "" : place + ".part." + std::to_string(getpid());
  const int flags = in_place ? O_WRONLY | O_CLOEXEC : O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  const int fd = ::open((in_place ? place : temporary).c_str(), flags, 0644);
  if (fd < 0) return refused(path, errno);
  std::FILE* file = fdopen(fd, "wb");
  if (!file) {
    const int code = errno;
    ::close(fd);
    return refused(path, code);
  }
  return std::unique_ptr<OutputFile>(new OutputFile(place, std::move(temporary), file));
}

OutputFile::~OutputFile() {
  if (!file_) return;
  std::fclose(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, std::size_t bytes) noexcept {
  if (!error_ && bytes && std::fwrite(data, 1, bytes, file_) != bytes) error_ = errno ? errno : EIO;
}

Result<void> OutputFile::commit() {
  if (std::fclose(file_) != 0 && !error_) error_ = errno;
  file_ = nullptr;
  if (!error_ && !temporary_.empty() && rename(temporary_.c_str(), path_.c_str()) != 0) error_ = errno;
  if (!error_) return {};
  if (!temporary_.empty()) unlink(temporary_.c_str());
  return refused(path_, error_);
}

}  // namespace fulcrum
