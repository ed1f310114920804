// SPDX-License-Identifier: MIT
// async_file.h - bytes -> a file, written behind the caller's back through io_uring.
//
// Four buffers take turns: one is filled while the kernel writes the others. Where
// io_uring may not be used each buffer is written at once instead.
//
// Threads: one.
// Owns:    the file, its buffers, the ring.
#pragma once

#include <liburing.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "fulcrum/result.h"

namespace fulcrum {

class AsyncFile {
 public:
  enum class Way : std::uint8_t { kUring, kDirect };

  // An empty file in the place of what was there, for its owner alone. Errors: the folder, its permissions.
  static Result<std::unique_ptr<AsyncFile>> open(const std::string& path, Way way = Way::kUring);
  ~AsyncFile();  // waits for the last write
  AsyncFile(const AsyncFile&) = delete;
  AsyncFile& operator=(const AsyncFile&) = delete;

  // May wait for a write to end where all buffers are on their way.
  void append(const void* data, std::size_t bytes) noexcept;
  // What was appended is on its way.
  void flush() noexcept;
  // Waits until all of it is written. 0, or the errno of the first write that failed.
  int finish() noexcept;
  int error() const noexcept { return error_; }
  std::uint64_t size_bytes() const noexcept { return size_bytes_; }  // appended
  bool uses_uring() const noexcept { return uring_; }

 private:
  static constexpr std::size_t kBufferBytes = 256 << 10;
  struct Buffer {
    std::unique_ptr<std::uint8_t[]> bytes{new std::uint8_t[kBufferBytes]};
    std::size_t used = 0, written = 0;
    std::uint64_t offset = 0;  // in the file
    bool in_flight = false;
  };

  AsyncFile() = default;
  void submit(Buffer& b) noexcept;
  void write_now(Buffer& b) noexcept;
  void reap() noexcept;
  void take_turn() noexcept;
  bool completed(Buffer& b, int result) noexcept;

  int fd_ = -1;
  bool uring_ = false;
  io_uring ring_{};
  std::array<Buffer, 4> buffer_;
  std::size_t current_ = 0;
  unsigned in_flight_ = 0;
  std::uint64_t size_bytes_ = 0;
  int error_ = 0;
};

}  // namespace fulcrum
