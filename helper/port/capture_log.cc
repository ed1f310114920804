// SPDX-License-Identifier: MIT
// capture_log.cc - packets -> a capture file that others take turns with.
#include "port/capture_log.h"

#include <pcap/pcap.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/clock.h"
#include "base/log.h"
#include "port/pcap_file.h"

namespace fulcrum {
namespace {

constexpr std::uint64_t kSecond_ns = 1'000'000'000;
constexpr std::uint64_t kMillisecond_ns = 1'000'000;
constexpr std::size_t kRecordHeadBytes = 16;

// CLOCK_REALTIME less CLOCK_MONOTONIC.
std::uint64_t day_offset_ns() noexcept {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * kSecond_ns + static_cast<std::uint64_t>(t.tv_nsec) - now_ns();
}

std::string numbered(const std::string& path, unsigned n) { return n ? path + "." + std::to_string(n) : path; }

// FILE -> FILE.1 -> FILE.2 …, of which `files` are kept with the one to come.
void move_on(const std::string& path, unsigned files) noexcept {
  for (unsigned n = files; n-- > 1;) std::rename(numbered(path, n - 1).c_str(), numbered(path, n).c_str());
}

}  // namespace

std::string CaptureLog::refusal(const std::string& path) {
  struct stat there;
  if (stat(path.c_str(), &there) == 0) {
    if (!S_ISREG(there.st_mode)) return path + ": is no regular file: give the name of a capture file";
    if (access(path.c_str(), W_OK) != 0)
      return path + ": cannot be written: " + std::strerror(errno) + ": check its permissions";
    return {};
  }
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    return path + ": cannot be written: " + std::strerror(errno) + ": check the folder " + folder;
  return {};
}

void CaptureLog::fail(const std::string& why) noexcept {
  failed_ = true;
  file_.reset();
  log_error(why + ": no more packets are written to it until the pipeline is loaded anew");
}

bool CaptureLog::open(const TapStyle& style) noexcept {
  file_.reset();
  follow_clock();
  move_on(path_, style.files);
  auto file = AsyncFile::open(path_);
  if (!file) {
    fail(file.error().text);
    return false;
  }
  file_ = std::move(*file);
  const std::uint32_t header[6] = {0xa1b23c4d, 2 | 4 << 16, 0, 0, style.snap_bytes, DLT_EN10MB};
  file_->append(header, sizeof header);
  return true;
}

bool CaptureLog::packet(const TapStyle& style, const TapRecord& r, const std::uint8_t* bytes) noexcept {
  if (failed_ && retry_.exchange(false, std::memory_order_relaxed)) failed_ = false;
  if (failed_) return false;
  const bool full =
      file_ && style.max_file_bytes && file_->size_bytes() + kRecordHeadBytes + r.len > style.max_file_bytes;
  if (full)
    if (const int code = file_->finish()) {
      fail(path_ + ": cannot be written: " + std::strerror(code));
      return false;
    }
  if ((!file_ || full) && !open(style)) return false;
  const std::uint64_t time_ns = r.time_ns + offset_ns_;
  const std::uint32_t record[4] = {static_cast<std::uint32_t>(time_ns / kSecond_ns),
                                   static_cast<std::uint32_t>(time_ns % kSecond_ns), r.len, r.wire_len};
  static_assert(sizeof record == kRecordHeadBytes);
  file_->append(record, sizeof record);
  file_->append(bytes, r.len);
  if (!file_->error()) return true;
  fail(path_ + ": cannot be written: " + std::strerror(file_->error()));
  return false;
}

// Set clocks are followed, the jitter of two readings is not.
void CaptureLog::follow_clock() noexcept {
  if (!live_) return;
  const std::uint64_t offset_ns = day_offset_ns();
  const std::uint64_t apart_ns = offset_ns > offset_ns_ ? offset_ns - offset_ns_ : offset_ns_ - offset_ns;
  if (apart_ns > kMillisecond_ns) offset_ns_ = offset_ns;
}

// Readers see what came so far.
void CaptureLog::idle() noexcept {
  follow_clock();
  if (!file_) return;
  file_->flush();
  if (file_->error()) fail(path_ + ": cannot be written: " + std::strerror(file_->error()));
}

}  // namespace fulcrum
