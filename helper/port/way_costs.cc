// SPDX-License-Identifier: MIT
#include "port/way_costs.h"

#include <algorithm>
#include <bit>

namespace fulcrum {
namespace {

constexpr unsigned kDefaultLiveFrom = 24;  // packets, where nothing was measured
constexpr unsigned kTryOther = 256;        // one burst in this many goes the dearer way
constexpr float kForget = 1.0f / 16, kForgetFast = 1.0f / 2;

unsigned class_of(unsigned packets) { return std::min<unsigned>(std::bit_width(packets) - 1, WayCosts::kClasses - 1); }

}  // namespace

const char* name_of(Way way) { return way == Way::kLive ? "live" : "ring"; }

bool WayCosts::prefers_live(unsigned packets) const noexcept {
  const unsigned k = class_of(packets);
  return live[k] != 0 && ring[k] != 0 ? live[k] < ring[k] : packets >= kDefaultLiveFrom;
}

Way WayCosts::choose(unsigned packets) noexcept {
  const bool other = ++bursts % kTryOther == 0;
  return prefers_live(packets) != other ? Way::kLive : Way::kRing;
}

// What disturbs a measurement only makes it longer, so a shorter one is believed sooner.
void WayCosts::learn(Way way, unsigned packets, std::uint64_t ns) noexcept {
  float& cost = (way == Way::kLive ? live : ring)[class_of(packets)];
  const float seen = static_cast<float>(ns) / static_cast<float>(packets);
  cost = cost == 0 ? seen : cost + (seen - cost) * (seen < cost ? kForgetFast : kForget);
}

void WayCosts::assume(Way way, double one_ns, unsigned many, double many_ns) noexcept {
  auto& costs = way == Way::kLive ? live : ring;
  const double each = std::max(1.0, (many_ns - one_ns) / (many - 1)), fixed = std::max(0.0, one_ns - each);
  for (unsigned k = 0; k < kClasses; ++k) costs[k] = static_cast<float>(fixed / (1u << k) + each);
}

unsigned WayCosts::live_from() const noexcept {
  for (unsigned k = 0; k < kClasses; ++k)
    if (prefers_live(1u << k)) return 1u << k;
  return 0;
}

}  // namespace fulcrum
