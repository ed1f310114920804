// SPDX-License-Identifier: MIT
// dec_hlim.cc - DecIP6HLIM: IPv6 hop limit less one -> 0; no hop left -> 1.
#include "pipeline/elements/packet/dec_hlim.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/packet/dec_hlim.h"
#include "pipeline/elements/packet/ip_family.h"

namespace fulcrum {
namespace {
constexpr HopField kHops = {.family = FULCRUM_META_IP6, .header_bytes = 40, .at = 7};
}

std::vector<ArgError> DecIP6HLIM::configure(std::span<const Arg> given, Setup& setup) {
  bad_header_ = setup.reason("bad_ip6_header");
  return ArgReader(given).done();
}

void DecIP6HLIM::process(Batch& b, Mask in, Mask* out) noexcept {
  take_hop(b, in, out, kHops, bad_header_, expired_, [](std::uint8_t* h) { --h[kHops.at]; });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"alive", Unconnected::kError, ""},
                                   {"expired", Unconnected::kKernel, "hop_limit_expired"}};
}
constinit const ElementClass kDecIP6HLIMClass = {"DecIP6HLIM",
                                                 "DecIP6HLIM",
                                                 "lowers the hop limit of IPv6 packets",
                                                 1,
                                                 kOutputs,
                                                 [] { return std::unique_ptr<Element>(new DecIP6HLIM); },
                                                 kManual};

}  // namespace fulcrum
