// SPDX-License-Identifier: MIT
#include "port/umem.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fulcrum {

Result<std::unique_ptr<Umem>> Umem::open(UmemKind kind, std::uint32_t frames, std::uint32_t frame_bytes) {
  std::unique_ptr<Umem> u(new Umem);
  u->frames_ = frames;
  u->frame_bytes_ = frame_bytes;
  if (kind != UmemKind::kMemfd && u->open_map()) return u;
  if (kind == UmemKind::kMap)
    return Error{
        fmt::format("umem: BPF array of {} frames: {}: give umem=\"auto\" to fall back to a memfd", frames, u->note_)};
  if (auto r = u->open_memfd(); !r) return r.error();
  return u;
}

bool Umem::open_map() {
  LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
  fd_ = bpf_map_create(BPF_MAP_TYPE_ARRAY, "fulcrum_umem", 4, frame_bytes_, frames_, &opts);
  if (fd_ < 0) {
    note_ = fmt::format("no BPF map for the UMEM ({}), a memfd is used", std::strerror(errno));
    return false;
  }
  void* p = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (p == MAP_FAILED) {
    note_ = fmt::format("BPF map for the UMEM cannot be mapped ({}), a memfd is used", std::strerror(errno));
    close(fd_);
    fd_ = -1;
    return false;
  }
  base_ = static_cast<std::uint8_t*>(p);
  map_ = true;
  return true;
}

Result<void> Umem::open_memfd() {
  for (unsigned flags : {MFD_CLOEXEC | MFD_HUGETLB, unsigned{MFD_CLOEXEC}}) {
    fd_ = memfd_create("fulcrum-umem", flags);
    if (fd_ < 0 || ftruncate(fd_, static_cast<off_t>(bytes()))) {
      if (fd_ >= 0) close(fd_);
      fd_ = -1;
      continue;
    }
    void* p = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, 0);
    if (p != MAP_FAILED) {
      base_ = static_cast<std::uint8_t*>(p);
      huge_ = flags & MFD_HUGETLB;
      return {};
    }
    close(fd_);
    fd_ = -1;
  }
  return Error{
      fmt::format("umem: {} MiB: {}: free memory or lower frames_per_queue", bytes() >> 20, std::strerror(errno))};
}

Umem::~Umem() {
  if (base_) munmap(base_, bytes());
  if (fd_ >= 0) close(fd_);
}

}  // namespace fulcrum
