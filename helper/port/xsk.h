// SPDX-License-Identifier: MIT
// xsk.h - the AF_XDP sockets of one queue: a ring a tier over one UMEM, their
// shared fill and completion rings, and a TX ring.
#pragma once

#include <xdp/xsk.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fulcrum.h"
#include "fulcrum/result.h"
#include "port/umem.h"

namespace fulcrum {

inline constexpr std::uint32_t kRingDescs = 2048;

// A stack of free frames. Threads: one worker's.
class FramePool {
 public:
  FramePool(std::uint32_t capacity, std::uint32_t frame_bytes) : mask_(~std::uint64_t{frame_bytes - 1}) {
    free_.reserve(capacity);
  }
  // Any address inside the frame. Never beyond the capacity: each frame has one holder.
  void put(std::uint64_t addr) noexcept { free_.push_back(addr & mask_); }
  std::uint64_t take() noexcept {
    std::uint64_t f = free_.back();
    free_.pop_back();
    return f;
  }
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(free_.size()); }

 private:
  std::vector<std::uint64_t> free_;
  std::uint64_t mask_;
};

struct XskStats {
  std::uint64_t rx_dropped = 0;  // no descriptor or frame too small
  std::uint64_t rx_ring_full = 0;
  std::uint64_t fill_ring_empty = 0;
};

// The libxdp handle of the UMEM; the first socket opened on it is its owner.
class XskUmem {
 public:
  static Result<std::unique_ptr<XskUmem>> open(const Umem& umem);
  ~XskUmem();
  xsk_umem* get() const { return umem_; }

 private:
  xsk_umem* umem_ = nullptr;
  xsk_ring_prod fill_{};  // libxdp wants rings at creation; sockets bring their own
  xsk_ring_cons comp_{};
};

// Sockets of one queue. Threads: the worker that owns the queue.
class XskQueue {
 public:
  struct Config {
    std::string ifname;
    std::uint32_t queue = 0;
    unsigned rx_rings = 0;                       // 0: transmit only
    bool zerocopy = false;                       // ask for it; else copy mode
    std::uint32_t fill_target = 2 * kRingDescs;  // frames to keep posted for the kernel
    bool generic = false;                        // reported, the kernel chooses by how XDP is attached
  };
  // Errors: queue owned by another process (retried for a second), mode refused.
  static Result<std::unique_ptr<XskQueue>> open(XskUmem& umem, const Config& config);
  ~XskQueue();

  fulcrum_xsk_mode mode() const { return mode_; }
  unsigned rx_rings() const { return config_.rx_rings; }
  std::uint32_t fill_target() const { return config_.fill_target; }
  int fd(unsigned ring) const { return rings_[ring].fd; }
  xsk_ring_cons& rx(unsigned ring) { return rings_[ring].rx; }

  // Gives frames of `pool` to the fill ring, as many as fit and as `keep` leaves.
  void refill(FramePool& pool, std::uint32_t keep) noexcept;
  std::uint32_t fill_occupancy() const noexcept {  // frames the kernel has not taken
    return __atomic_load_n(fill_.producer, __ATOMIC_RELAXED) - __atomic_load_n(fill_.consumer, __ATOMIC_ACQUIRE);
  }
  bool fill_needs_wakeup() noexcept { return xsk_ring_prod__needs_wakeup(&fill_); }
  void wake_rx(unsigned ring) noexcept;

  xsk_ring_prod& tx() { return tx_; }
  // Takes back frames that have been sent.
  void reap(FramePool& pool) noexcept;
  // Sends what is in the TX ring; returns false if some could not be sent now.
  bool kick(FramePool& pool) noexcept;
  bool tx_drained() const noexcept;  // the kernel took every descriptor
  std::uint32_t tx_outstanding() const noexcept { return tx_sent_ - tx_done_; }
  void tx_submitted(std::uint32_t n) noexcept { tx_sent_ += n; }
  XskStats stats() const;  // Threads: any

 private:
  struct Ring {
    int fd = -1;
    xsk_ring_cons rx{};
    void* memory = nullptr;  // of rings after the first
    std::size_t bytes = 0;
  };
  XskQueue() = default;
  Result<void> open_first(XskUmem& umem);
  Result<void> open_another(unsigned ring);
  Error refused(int err) const;
  void read_mode();

  Config config_;
  std::array<Ring, FULCRUM_RINGS> rings_{};
  xsk_socket* first_ = nullptr;
  xsk_ring_prod fill_{}, tx_{};
  xsk_ring_cons comp_{};
  std::uint32_t tx_sent_ = 0, tx_done_ = 0;
  fulcrum_xsk_mode mode_ = FULCRUM_XSK_NONE;
};

const char* name_of(fulcrum_xsk_mode mode);

}  // namespace fulcrum
