// SPDX-License-Identifier: MIT
// rx_queue.h - the rings of one RX queue -> packets of a batch; what has left -> XDP.
#pragma once

#include <cstdint>

#include "port/maps.h"
#include "port/xsk.h"
#include "ring_order.h"

namespace fulcrum {

// Threads: the worker's; counters any.
class RxQueue {
 public:
  static constexpr unsigned kBatches = RingOrder::kBatches;
  using Ring = RingOrder::Ring;

  struct Info {
    std::uint16_t port = 0;  // index of the port
    std::uint32_t ifindex = 0;
    std::uint32_t queue = 0;
    std::uint32_t slot = 0;
    unsigned rings = 1;
    bool passes_by = true;  // without the helper XDP lets packets pass: what is late must not follow them
  };

  RxQueue(const Umem& umem, FrontMaps& maps, XskQueue& xsk, const Info& info, std::uint32_t ring_capacity,
          std::uint32_t posted);

  const Info& info() const { return info_; }
  void set_passes_by(bool on) noexcept { info_.passes_by = on; }  // Threads: the worker's
  XskQueue& xsk() { return xsk_; }
  RingOrder& order() { return order_; }
  Ring& ring(unsigned r) { return order_.ring(r); }
  const Ring& ring(unsigned r) const { return order_.ring(r); }

  // Up to `max` packets of ring r that may go now. Sets batch.count. What is no
  // packet of this front-end goes to the pool.
  void receive(unsigned r, Batch& b, unsigned max, FramePool& pool) noexcept;
  // Tells XDP what has left, once the bursts are flushed.
  void publish() noexcept;
  void beat(std::uint64_t now_ns) noexcept;
  void silence() noexcept;  // heartbeat 0: XDP applies the policy
  // Packets that XDP counted but the kernel dropped on the way to the ring.
  void notice_kernel_loss(std::uint64_t now_ns) noexcept;
  // Everything now on the rings is old: to be dropped, not sent behind newer packets
  // that passed by.
  void discard_backlog() noexcept;
  // Nothing received is unretired, nothing sent is unreceived. Threads: any.
  bool drained() const noexcept;

 private:
  std::uint32_t sent(unsigned r) const noexcept;

  XskQueue& xsk_;
  Info info_;
  fulcrum_beat& beat_;
  const fulcrum_order& xdp_;
  RingOrder order_;
};

}  // namespace fulcrum
