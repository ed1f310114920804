// SPDX-License-Identifier: MIT
// async_file.cc - bytes -> a file, written behind the caller's back through io_uring.
#include "port/async_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace fulcrum {

Result<std::unique_ptr<AsyncFile>> AsyncFile::open(const std::string& path, Way way) {
  std::unique_ptr<AsyncFile> file(new AsyncFile);
  file->fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file->fd_ < 0)
    return Error{path + ": cannot be written: " + std::strerror(errno) + ": check the folder and its permissions"};
  file->uring_ = way == Way::kUring && io_uring_queue_init(file->buffer_.size(), &file->ring_, 0) == 0;
  return file;
}

AsyncFile::~AsyncFile() {
  if (fd_ < 0) return;
  finish();
  if (uring_) io_uring_queue_exit(&ring_);
  ::close(fd_);
}

void AsyncFile::append(const void* data, std::size_t bytes) noexcept {
  const auto* from = static_cast<const std::uint8_t*>(data);
  size_bytes_ += bytes;
  while (bytes) {
    Buffer& b = buffer_[current_];
    const std::size_t part = std::min(bytes, kBufferBytes - b.used);
    std::memcpy(b.bytes.get() + b.used, from, part);
    b.used += part, from += part, bytes -= part;
    if (b.used == kBufferBytes) take_turn();
  }
}

void AsyncFile::flush() noexcept {
  if (buffer_[current_].used) take_turn();
}

int AsyncFile::finish() noexcept {
  flush();
  while (in_flight_) reap();
  return error_;
}

// The current buffer goes out, the next one is waited for.
void AsyncFile::take_turn() noexcept {
  Buffer& full = buffer_[current_];
  const std::uint64_t end = full.offset + full.used;
  submit(full);
  current_ = (current_ + 1) % buffer_.size();
  while (buffer_[current_].in_flight) reap();
  buffer_[current_].used = buffer_[current_].written = 0;
  buffer_[current_].offset = end;
}

void AsyncFile::submit(Buffer& b) noexcept {
  if (error_) return;
  io_uring_sqe* entry = uring_ ? io_uring_get_sqe(&ring_) : nullptr;
  if (!entry) return write_now(b);
  io_uring_prep_write(entry, fd_, b.bytes.get() + b.written, static_cast<unsigned>(b.used - b.written),
                      b.offset + b.written);
  io_uring_sqe_set_data(entry, &b);
  int sent;
  while ((sent = io_uring_submit(&ring_)) == -EINTR || sent == -EAGAIN) {
  }
  if (sent == 1) {
    b.in_flight = true;
    ++in_flight_;
  } else if (!error_) {
    error_ = sent < 0 ? -sent : EIO;
  }
}

void AsyncFile::write_now(Buffer& b) noexcept {
  while (!error_ && b.written < b.used) {
    const ssize_t n =
        pwrite(fd_, b.bytes.get() + b.written, b.used - b.written, static_cast<off_t>(b.offset + b.written));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      error_ = n ? errno : EIO;
    else
      b.written += static_cast<std::size_t>(n);
  }
}

// Waits for one write to end; what it left over goes out again.
void AsyncFile::reap() noexcept {
  io_uring_cqe* done = nullptr;
  int got;
  while ((got = io_uring_wait_cqe(&ring_, &done)) == -EINTR) {
  }
  if (got < 0) {  // the ring is of no more use: nothing will come back
    if (!error_) error_ = -got;
    for (Buffer& b : buffer_) b.in_flight = false;
    in_flight_ = 0;
    return;
  }
  Buffer& b = *static_cast<Buffer*>(io_uring_cqe_get_data(done));
  const int result = done->res;
  io_uring_cqe_seen(&ring_, done);
  b.in_flight = false;
  --in_flight_;
  if (!completed(b, result)) submit(b);
}

// False: some of it is still to be written.
bool AsyncFile::completed(Buffer& b, int result) noexcept {
  if (result == -EINTR || result == -EAGAIN) return false;
  if (result <= 0) {
    if (!error_) error_ = result ? -result : EIO;
    return true;
  }
  b.written += static_cast<std::size_t>(result);
  return b.written == b.used;
}

}  // namespace fulcrum
