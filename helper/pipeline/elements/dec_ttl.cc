// SPDX-License-Identifier: MIT
// dec_ttl.cc - DecIPTTL: IPv4 time to live less one -> 0; no hop left -> 1.
#include "pipeline/elements/dec_ttl.h"

#include <cstring>

#include "fulcrum/args.h"

namespace fulcrum {
namespace {

constexpr unsigned kTtl = 8, kChecksum = 10;

// TTL is the upper byte of its 16-bit word: less one there is 0x0100 more in the
// complemented sum. Both in network order, so the carry goes round the end.
void decrease(std::uint8_t* h) noexcept {
  std::uint32_t check = std::uint32_t{h[kChecksum]} << 8 | h[kChecksum + 1];
  check += 0x0100;
  check += check >= 0xffff;
  h[kChecksum] = static_cast<std::uint8_t>(check >> 8);
  h[kChecksum + 1] = static_cast<std::uint8_t>(check);
  --h[kTtl];
}

}  // namespace

std::vector<ArgError> DecIPTTL::configure(std::span<const Arg> given, Setup& setup) {
  bad_header_ = setup.reason("bad_ip_header");
  return ArgReader(given).done();
}

void DecIPTTL::process(Batch& b, Mask in, Mask* out) noexcept {
  Mask alive = 0, expired = 0;
  for_each(in, [&](unsigned i) {
    const Mask bit = Mask{1} << i;
    if (!(b.flags[i] & FULCRUM_META_IP4)) {
      alive |= bit;
    } else if (b.l3_off[i] + 20u > b.len[i]) {
      b.drop(i, bad_header_);
    } else if (b.l3(i)[kTtl] <= 1) {
      expired |= bit;
    } else {
      decrease(b.l3(i));
      alive |= bit;
    }
  });
  out[0] = alive;
  out[1] = expired;
  if (expired) expired_.add(static_cast<std::uint64_t>(std::popcount(expired)));
}

namespace {
constexpr OutputSpec kOutputs[] = {{"alive", Unconnected::kError, ""},
                                   {"expired", Unconnected::kKernel, "ttl_expired"}};
}
constinit const ElementClass kDecIPTTLClass = {
    "DecIPTTL", "DecIPTTL", "lowers the time to live of IPv4 packets",
    1,          kOutputs,   [] { return std::unique_ptr<Element>(new DecIPTTL); }};

}  // namespace fulcrum
