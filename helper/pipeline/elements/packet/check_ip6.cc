// SPDX-License-Identifier: MIT
// check_ip6.cc - CheckIP6Header: IPv6 packets with a sound header -> 0, all others -> 1.
#include "pipeline/elements/packet/check_ip6.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/packet/check_ip6.h"
#include "pipeline/elements/packet/ip_family.h"

namespace fulcrum {
namespace {

constexpr std::uint32_t kHeaderBytes = 40;

bool is_good(const Batch& b, unsigned i) noexcept {
  if (!(b.flags[i] & FULCRUM_META_IP6) || b.l3_off[i] + kHeaderBytes > b.len[i]) return false;
  const std::uint8_t* h = b.l3(i);
  const std::uint32_t payload = std::uint32_t{h[4]} << 8 | h[5];
  return h[0] >> 4 == 6 && kHeaderBytes + payload <= b.l3_len(i) && h[8] != 0xff;
}

}  // namespace

std::vector<ArgError> CheckIP6Header::configure(std::span<const Arg> given, Setup&) { return ArgReader(given).done(); }

void CheckIP6Header::process(Batch& b, Mask in, Mask* out) noexcept {
  split_good(in, out, bad_, [&](unsigned i) { return is_good(b, i); });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"good", Unconnected::kError, ""}, {"bad", Unconnected::kDrop, "bad_ip6_header"}};
}
constinit const ElementClass kCheckIP6HeaderClass = {"CheckIP6Header",
                                                     "CheckIP6Header",
                                                     "splits sound IPv6 packets from all others",
                                                     1,
                                                     kOutputs,
                                                     [] { return std::unique_ptr<Element>(new CheckIP6Header); },
                                                     kManual};

}  // namespace fulcrum
