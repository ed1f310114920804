// SPDX-License-Identifier: MIT
// dec_ttl.cc - DecIPTTL: IPv4 time to live less one -> 0; no hop left -> 1.
#include "pipeline/elements/packet/dec_ttl.h"

#include "fulcrum/args.h"
#include "fulcrum/checksum.h"
#include "manual/pipeline/elements/packet/dec_ttl.h"
#include "pipeline/elements/packet/ip_family.h"

namespace fulcrum {
namespace {

constexpr HopField kHops = {.family = FULCRUM_META_IP4, .header_bytes = 20, .at = 8};
constexpr unsigned kChecksum = 10;

// TTL is the upper byte of its 16-bit word, which becomes 0x0100 less: ~m + m' is that
// for any m.
constexpr std::uint16_t kOneLess = checksum_word(0xfeff);

void decrease(std::uint8_t* h) noexcept {
  checksum_update(h + kChecksum, kOneLess);
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
