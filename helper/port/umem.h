// SPDX-License-Identifier: MIT
// umem.h - the packet memory of the helper: one UMEM, all ports, all queues.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fulcrum/result.h"

namespace fulcrum {

enum class UmemKind : std::uint8_t { kAuto, kMap, kMemfd };

// Memory for `frames` frames of `frame_bytes` (2048 or 4096). As a BPF array map
// the return program reads it in place; as a memfd the worker copies into slots.
// Owns:    the mapping and its descriptor.
// Threads: immutable after open().
class Umem {
 public:
  // Errors: no permission, no memory; kMap also where the kernel lacks mmapable arrays.
  static Result<std::unique_ptr<Umem>> open(UmemKind kind, std::uint32_t frames, std::uint32_t frame_bytes);
  ~Umem();
  Umem(const Umem&) = delete;
  Umem& operator=(const Umem&) = delete;

  std::uint8_t* base() const { return base_; }
  std::uint64_t bytes() const { return std::uint64_t{frames_} * frame_bytes_; }
  std::uint32_t frames() const { return frames_; }
  std::uint32_t frame_bytes() const { return frame_bytes_; }
  bool is_map() const { return map_; }
  int fd() const { return fd_; }
  bool huge_pages() const { return huge_; }
  const std::string& note() const { return note_; }  // why not what was asked for; empty: as asked

  std::uint64_t frame_of(std::uint64_t addr) const { return addr & ~std::uint64_t{frame_bytes_ - 1}; }
  std::uint32_t index_of(std::uint64_t addr) const { return static_cast<std::uint32_t>(addr / frame_bytes_); }

 private:
  Umem() = default;
  bool open_map();
  Result<void> open_memfd();

  std::uint8_t* base_ = nullptr;
  std::uint32_t frames_ = 0, frame_bytes_ = 0;
  int fd_ = -1;
  bool map_ = false, huge_ = false;
  std::string note_;
};

}  // namespace fulcrum
