// SPDX-License-Identifier: MIT
// balance_port.h - counters of one running port -> samples; bucket moves -> front-end.
#pragma once

#include <array>
#include <memory>

#include "balance/balancer.h"
#include "runtime.h"

namespace fulcrum {

// Sums over the queues of one port, since the helper started.
struct RingTotals {
  std::uint64_t packets = 0, bytes = 0, busy_ns = 0, held = 0, lost_in_kernel = 0;
  HistogramSnapshot latency;
};
RingTotals ring_totals(Runtime& rt, std::uint16_t port, unsigned ring);

// Counters of XDP over all queues of a port: since it was attached, since the helper started.
fulcrum_queue queue_totals(Runtime& rt, const PortState& port);
fulcrum_queue queue_since_start(Runtime& rt, const PortState& port);

// Threads: the control thread's.
class RunningPort final : public BalancerPort {
 public:
  // Before Runtime::start(): what XDP has counted until now is from before.
  RunningPort(Runtime& rt, std::uint16_t port);

  std::string name() const override { return rt_.ports()[port_].link.name; }
  std::uint16_t port() const { return port_; }
  PortSample sample() override;
  void buckets(BucketTiers& tiers, BucketLoad& load) override;
  Result<void> apply(const std::vector<BucketMove>& moves, const TierPermille& split) override;

 private:
  void describe(PortSample& s) const;
  void sample_ring(TierSample& t, unsigned ring, const fulcrum_queue& now);

  Runtime& rt_;
  std::uint16_t port_;
  std::uint64_t last_ns_ = 0;
  fulcrum_queue last_queue_{};
  std::array<RingTotals, FULCRUM_RINGS> last_{};
  std::array<std::uint32_t, FULCRUM_BUCKETS> last_load_{};
  std::array<std::uint64_t, FULCRUM_RINGS> last_service_ns_{}, last_device_pkts_{};
};

}  // namespace fulcrum
