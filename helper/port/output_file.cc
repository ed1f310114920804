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

// A file without a name beside `temporary`, or that file itself: `named` tells.
int open_new(const std::string& temporary, bool& named) {
  std::string folder = std::filesystem::path(temporary).parent_path().string();
  if (folder.empty()) folder = ".";
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
  named = fd < 0;
  return fd >= 0 ? fd : ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path) {
  const std::string place = real_place(path);
  struct stat there;
  const bool in_place = stat(place.c_str(), &there) == 0 && !S_ISREG(there.st_mode);
  if (in_place && S_ISDIR(there.st_mode)) return refused(path, EISDIR);
  std::string temporary = in_place ? "" : place + ".part." + std::to_string(getpid());
  bool named = false;
  const int fd = in_place ? ::open(place.c_str(), O_WRONLY | O_CLOEXEC) : open_new(temporary, named);
  if (fd < 0) return refused(path, errno);
  std::FILE* file = fdopen(fd, "wb");
  if (!file) {
    const int code = errno;
    ::close(fd);
    return refused(path, code);
  }
  return std::unique_ptr<OutputFile>(new OutputFile(place, std::move(temporary), named, file));
}

OutputFile::~OutputFile() {
  if (!file_) return;
  std::fclose(file_);
  if (named_) unlink(temporary_.c_str());
}

void OutputFile::write(const void* data, std::size_t bytes) noexcept {
  if (!error_ && bytes && std::fwrite(data, 1, bytes, file_) != bytes) error_ = errno ? errno : EIO;
}

// The open file gets its name: a link to a new one first, as only rename()
// replaces what is there. Returns an errno.
int OutputFile::publish() noexcept {
  if (temporary_.empty()) return 0;
  if (!named_) {
    const std::string self = "/proc/self/fd/" + std::to_string(fileno(file_));
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW) != 0) return errno;
    named_ = true;
  }
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return errno;
  named_ = false;
  return 0;
}

Result<void> OutputFile::commit() {
  if (std::fflush(file_) != 0 && !error_) error_ = errno;
  if (!error_) error_ = publish();
  if (std::fclose(file_) != 0 && !error_) error_ = errno;
  file_ = nullptr;
  if (!error_) return {};
  if (named_) unlink(temporary_.c_str());
  named_ = false;
  return refused(path_, error_);
}

}  // namespace fulcrum
