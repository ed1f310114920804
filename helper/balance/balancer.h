// SPDX-License-Identifier: MIT
// balancer.h - sample -> policy -> target -> bucket moves, per port, on a timer.
//
// Threads: all of it on the helper's control thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balance/assign.h"
#include "balance/policy.h"
#include "balance/sample.h"
#include "fulcrum/result.h"

namespace fulcrum {

// A port as the balancer needs it; the helper implements it.
class BalancerPort {
 public:
  virtual ~BalancerPort() = default;
  virtual std::string name() const = 0;
  // Counters since the previous call of sample().
  virtual PortSample sample() = 0;
  // Where the buckets are, and packets per bucket since the previous call.
  virtual void buckets(BucketTiers& tiers, BucketLoad& load) = 0;
  // Writes the moves to the front-end, all or none. `split` is the result by
  // buckets, for fulcrum_port.*_permille.
  virtual Result<void> apply(const std::vector<BucketMove>& moves, const TierPermille& split) = 0;
};

// One thing the balancer did or chose not to do.
struct BalanceDecision {
  std::uint64_t when_ns = 0;
  std::string policy;
  double seen_mpps = 0;   // retired by all tiers in the interval
  TierPermille before{};  // split as it stood, weighted by load
  TierPermille target{};  // what the policy wants
  TierPermille after{};   // split after the moves
  std::uint32_t moves = 0;
  std::string why;
};

struct BalanceView {
  std::string port;
  std::string policy;
  TierPermille target{};
  TierPermille split{};  // as it stands, weighted by load
  std::array<std::uint32_t, FULCRUM_TIERS> buckets{};
  PortSample sample;  // of the last interval
  std::uint64_t moves_total = 0;
  std::deque<BalanceDecision> last;  // newest last
};

struct TierShare {
  std::string tier;
  std::uint32_t permille;
};

class Balancer {
 public:
  struct Options {
    std::uint64_t interval_ns = 200'000'000;
    AssignLimits limits;
    std::size_t keep_decisions = 32;
  };
  Balancer() : Balancer(Options{}) {}
  explicit Balancer(Options options) : options_(options) {}

  // Starts with everything on the base tier, policy fixed. `port` outlives its entry.
  void add_port(BalancerPort* port);
  void remove_port(std::string_view port);

  // Empty `port`: all ports. Acts at once. Errors: no such port or tier, tier
  // not eligible, shares that do not add up to 1000.
  Result<void> set_fixed(std::string_view port, const std::vector<TierShare>& shares);
  Result<void> set_auto(std::string_view port, std::string_view policy);

  // Samples and decides for every port whose interval is over. A clock that
  // jumps back starts the interval anew.
  void tick(std::uint64_t now_ns);

  // Moves buckets off tiers that stopped being eligible, now. To be called when
  // a device goes or the pipeline changes.
  void refresh(std::uint64_t now_ns);

  // Empty `port`: all ports. Errors: no such port.
  Result<std::vector<BalanceView>> view(std::string_view port) const;

 private:
  struct Entry {
    BalancerPort* port;
    PolicyState state;
    const PolicyRow* policy;
    BalanceView view;
    BucketTiers tiers{};
    std::array<std::uint32_t, FULCRUM_BUCKETS> load{};  // smoothed, packets an interval * 16
    std::uint64_t last_ns = 0;
  };
  std::vector<Entry*> select(std::string_view port);
  Error no_port(std::string_view port) const;
  void observe(Entry& e);
  void act(Entry& e, const PolicyAnswer& answer, std::uint64_t now_ns);

  Options options_;
  std::uint64_t clock_ns_ = 0;  // of the last tick
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace fulcrum
