// SPDX-License-Identifier: MIT
// strip.cc - Strip: takes bytes off the front of every packet -> 0; too short -> 1.
#include "pipeline/elements/packet/strip.h"

#include "manual/pipeline/elements/packet/strip.h"
#include "pipeline/elements/packet/ip_family.h"
#include "pipeline/elements/packet/values.h"

namespace fulcrum {
namespace {

constexpr std::uint8_t kOfL3 = FULCRUM_META_IP4 | FULCRUM_META_IP6 | FULCRUM_META_FRAGMENT;

void take(Batch& b, unsigned i, std::uint32_t bytes) noexcept {
  const std::uint32_t l3_off = b.l3_off[i];
  b.pull(i, bytes);
  b.l2[i].valid = 0;
  if (bytes > l3_off) b.flags[i] &= static_cast<std::uint8_t>(~kOfL3);
  if (bytes >= l3_off) b.flags[i] &= static_cast<std::uint8_t>(~FULCRUM_META_VLAN);
}

}  // namespace

std::vector<ArgError> Strip::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  bytes_ = read_needed_number(args, "BYTES", 1, 65535);
  return args.done();
}

void Strip::process(Batch& b, Mask in, Mask* out) noexcept {
  split_good(in, out, short_, [&](unsigned i) {
    if (b.len[i] <= bytes_) return false;
    take(b, i, bytes_);
    return true;
  });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}, {"short", Unconnected::kDrop, "short_frame"}};
}
constinit const ElementClass kStripClass = {
    "Strip", "Strip(BYTES n)", "takes bytes off the front",
    1,       kOutputs,         [] { return std::unique_ptr<Element>(new Strip); },
    kManual};

}  // namespace fulcrum
