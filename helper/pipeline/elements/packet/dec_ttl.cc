// SPDX-License-Identifier: MIT
// dec_ttl.cc - DecIPTTL: IPv4 time to live less one -> 0; no hop left -> 1.
#include "pipeline/elements/packet/dec_ttl.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/packet/dec_ttl.h"
#include "pipeline/elements/packet/ip_family.h"

namespace fulcrum {
namespace {

constexpr HopField kHops = {.family = FULCRUM_META_IP4, .header_bytes = 20, .at = 8};
constexpr unsigned kChecksum = 10;

// TTL is the upper byte of its 16-bit word: less one there is 0x0100 more in the
// complemented sum. Both in network order, so the carry goes round the end.
void decrease(std::uint8_t* h) noexcept {
  std::uint32_t check = std::uint32_t{h[kChecksum]} << 8 | h[kChecksum + 1];
  check += 0x0100;
  check += check >= 0xffff;
  h[kChecksum] = static_cast<std::uint8_t>(check >> 8);
  h[kChecksum + 1] = static_cast<std::uint8_t>(check);
  --h[kHops.at];
}

}  // namespace

std::vector<ArgError> DecIPTTL::configure(std::span<const Arg> given, Setup& setup) {
  bad_header_ = setup.reason("bad_ip_header");
  return ArgReader(given).done();
}

void DecIPTTL::process(Batch& b, Mask in, Mask* out) noexcept {
  take_hop(b, in, out, kHops, bad_header_, expired_, decrease);
}

namespace {
constexpr OutputSpec kOutputs[] = {{"alive", Unconnected::kError, ""},
                                   {"expired", Unconnected::kKernel, "ttl_expired"}};
}
constinit const ElementClass kDecIPTTLClass = {
    "DecIPTTL", "DecIPTTL", "lowers the time to live of IPv4 packets",
    1,          kOutputs,   [] { return std::unique_ptr<Element>(new DecIPTTL); },
    kManual};

}  // namespace fulcrum
