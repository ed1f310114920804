// SPDX-License-Identifier: MIT
// return_path.h - packets with a verdict -> output ports and kernel stack.
//
// One burst a worker, in the order of the verdicts. At each flush every port of
// the burst goes by the way that is cheaper for a burst of that size: live frames
// (fixed price a call) or its TX ring (price a packet). Both are done when
// flush() returns or, on a zero-copy ring, in ring order; a port changes over
// from ring to live frames only when its ring is drained. So order holds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fulcrum.h"
#include "fulcrum/count.h"
#include "port/live.h"
#include "port/tap.h"
#include "port/umem.h"
#include "port/way_costs.h"
#include "port/xsk.h"

namespace fulcrum {

// One output port as one worker sees it.
struct OutPort {
  std::string name;
  std::uint32_t ifindex = 0;
  std::array<std::uint8_t, 6> mac{};
  XskQueue* queue = nullptr;         // its TX ring; null: this worker has none
  std::atomic<bool> live_ok{false};  // frames were seen to arrive
  bool forced = false;               // way chosen by configuration
  Way forced_way = Way::kLive;
  WayCosts costs;
  std::string note;  // why a way is not used
  Count sent_live, sent_ring;
};

class ReturnPath {
 public:
  struct Totals {
    Count live, ring, tap, kernel;  // handed over, packets
    Count lost_overtaken;           // held back too long: XDP had begun to pass packets by
    Count lost_ring_full, lost_live_error, lost_no_way, lost_kernel_error, lost_refused;
  };

  // live and tap may be null. Setup thread until the worker runs.
  ReturnPath(const Umem& umem, FramePool& pool, std::unique_ptr<Live> live)
      : umem_(umem), pool_(pool), live_(std::move(live)) {}

  void add_port(std::unique_ptr<OutPort> port) { ports_.push_back(std::move(port)); }
  // Packets for the stack that came from `ingress` go by `tap`, not by live frames.
  void set_tap(std::uint32_t ingress, Tap* tap) { taps_.push_back({ingress, tap}); }
  bool has_live() const { return live_ != nullptr; }
  // Sends small frames of an experimental Ethernet type from the port to itself,
  // to learn whether the peer takes live frames and what each way costs.
  void measure(OutPort& port);

  // Data path. Owns: the frame, from here on. timed: not to be sent after the deadline.
  void transmit(std::uint64_t addr, std::uint32_t len, std::uint16_t port, const L2Rewrite& l2, bool timed) noexcept;
  // As if the packet had just arrived on `ingress`, queue `queue`.
  void to_kernel(std::uint64_t addr, std::uint32_t len, std::uint32_t ingress, std::uint32_t queue, const L2Rewrite& l2,
                 bool timed) noexcept;
  bool full() const noexcept { return count_ == Live::kBurst; }
  unsigned pending() const noexcept { return count_; }
  // Returns the time when all was handed over.
  std::uint64_t flush() noexcept;
  // After this time XDP counts the helper as dead and lets packets by: what is
  // sent later would come out of order, so what is timed is dropped.
  void set_deadline(std::uint64_t ns) noexcept { deadline_ns_ = ns; }
  void reap() noexcept;  // takes back frames the TX rings have sent

  const Totals& totals() const { return totals_; }
  const std::vector<std::unique_ptr<OutPort>>& ports() const { return ports_; }
  std::string describe(const OutPort& port) const;  // "live from 12 packets, ring below"

 private:
  struct Item {
    std::uint64_t addr;
    std::uint32_t len;
    std::uint16_t port;  // kKernel: the stack
    L2Rewrite l2;
    bool timed;
  };
  static constexpr std::uint16_t kKernel = 0xfffe;

  void add(const Item& item) noexcept;
  void forget_burst() noexcept;
  bool is_late(const Item& item, std::uint64_t now_ns) const noexcept { return item.timed && now_ns > deadline_ns_; }
  void lose_late(const Item& item) noexcept;
  void drop_late(std::uint64_t now_ns) noexcept;
  bool choose_live(OutPort& port, unsigned packets) noexcept;
  void flush_live(unsigned packets, bool kernel) noexcept;
  void flush_rings(std::uint64_t now_ns) noexcept;
  void put_on_ring(OutPort& port, const Item& item) noexcept;
  Tap* tap_of(std::uint32_t ingress) const noexcept;
  void kernel_by_tap(Tap* tap) noexcept;
  void learn(std::uint64_t live_ns, unsigned live_pkts, std::uint64_t ring_ns, unsigned ring_pkts) noexcept;
  std::uint64_t send_probes(OutPort& port, Way way, unsigned packets, std::uint64_t frame);

  const Umem& umem_;
  FramePool& pool_;
  std::unique_ptr<Live> live_;
  struct PortTap {
    std::uint32_t ingress;
    Tap* tap;
  };
  std::vector<PortTap> taps_;
  std::vector<std::unique_ptr<OutPort>> ports_;
  std::array<Item, Live::kBurst> items_;
  unsigned count_ = 0, kernel_count_ = 0;
  std::array<std::uint16_t, FULCRUM_MAX_PORTS> per_port_{};  // packets of this burst
  std::uint64_t goes_live_ = 0, used_ = 0;                   // bit a port
  std::uint64_t deadline_ns_ = ~std::uint64_t{0};
  std::uint64_t live_late_ = 0;  // of live_->late(), what is in totals
  std::uint32_t ingress_ = 0, ingress_queue_ = 0;
  Totals totals_;
};

}  // namespace fulcrum
