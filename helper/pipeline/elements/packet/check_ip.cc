// SPDX-License-Identifier: MIT
// check_ip.cc - CheckIPHeader: IPv4 packets with a sound header -> 0, all others -> 1.
#include "pipeline/elements/packet/check_ip.h"

#include "fulcrum/args.h"
#include "fulcrum/checksum.h"
#include "manual/pipeline/elements/packet/check_ip.h"
#include "pipeline/elements/packet/ip_family.h"

namespace fulcrum {
namespace {

constexpr std::uint32_t kMinHeaderBytes = 20;

bool is_good(const Batch& b, unsigned i) noexcept {
  if (!(b.flags[i] & FULCRUM_META_IP4) || b.l3_off[i] + kMinHeaderBytes > b.len[i]) return false;
  const std::uint8_t* h = b.l3(i);
  const std::uint32_t present = b.l3_len(i);
  const std::uint32_t header = (h[0] & 15u) * 4;
  const std::uint32_t total = std::uint32_t{h[2]} << 8 | h[3];
  if (h[0] >> 4 != 4 || header < kMinHeaderBytes || header > total || total > present) return false;
  if (checksum_fold(checksum_add(0, h, header)) != 0xffff) return false;
  const bool multicast = (h[12] & 0xf0) == 0xe0;
  const bool broadcast = (h[12] & h[13] & h[14] & h[15]) == 0xff;
  return !multicast && !broadcast;
}

}  // namespace

std::vector<ArgError> CheckIPHeader::configure(std::span<const Arg> given, Setup&) { return ArgReader(given).done(); }

void CheckIPHeader::process(Batch& b, Mask in, Mask* out) noexcept {
  split_good(in, out, bad_, [&](unsigned i) { return is_good(b, i); });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"good", Unconnected::kError, ""}, {"bad", Unconnected::kDrop, "bad_ip_header"}};
}
constinit const ElementClass kCheckIPHeaderClass = {"CheckIPHeader",
                                                    "CheckIPHeader",
                                                    "splits sound IPv4 packets from all others",
                                                    1,
                                                    kOutputs,
                                                    [] { return std::unique_ptr<Element>(new CheckIPHeader); },
                                                    kManual};

}  // namespace fulcrum
