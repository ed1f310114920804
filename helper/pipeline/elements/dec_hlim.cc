// SPDX-License-Identifier: MIT
// dec_hlim.cc - DecIP6HLIM: IPv6 hop limit less one -> 0; no hop left -> 1.
#include "pipeline/elements/dec_hlim.h"

#include "fulcrum/args.h"

namespace fulcrum {
namespace {
constexpr unsigned kHopLimit = 7;
}

std::vector<ArgError> DecIP6HLIM::configure(std::span<const Arg> given, Setup& setup) {
  bad_header_ = setup.reason("bad_ip6_header");
  return ArgReader(given).done();
}

void DecIP6HLIM::process(Batch& b, Mask in, Mask* out) noexcept {
  Mask alive = 0, expired = 0;
  for_each(in, [&](unsigned i) {
    const Mask bit = Mask{1} << i;
    if (!(b.flags[i] & FULCRUM_META_IP6)) {
      alive |= bit;
    } else if (b.l3_off[i] + 40u > b.len[i]) {
      b.drop(i, bad_header_);
    } else if (b.l3(i)[kHopLimit] <= 1) {
      expired |= bit;
    } else {
      --b.l3(i)[kHopLimit];
      alive |= bit;
    }
  });
  out[0] = alive;
  out[1] = expired;
  if (expired) expired_.add(static_cast<std::uint64_t>(std::popcount(expired)));
}

namespace {
constexpr OutputSpec kOutputs[] = {{"alive", Unconnected::kError, ""},
                                   {"expired", Unconnected::kKernel, "hop_limit_expired"}};
}
constinit const ElementClass kDecIP6HLIMClass = {
    "DecIP6HLIM", "DecIP6HLIM", "lowers the hop limit of IPv6 packets", 1, kOutputs, [] {
      return std::unique_ptr<Element>(new DecIP6HLIM);
    }};

}  // namespace fulcrum
