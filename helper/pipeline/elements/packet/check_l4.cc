// SPDX-License-Identifier: MIT
// check_l4.cc - CheckL4Checksum: right TCP, UDP or ICMP checksum -> 0, wrong -> 1.
#include "pipeline/elements/packet/check_l4.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/packet/check_l4.h"
#include "pipeline/elements/packet/ip_family.h"
#include "pipeline/elements/packet/l4_checksum.h"

namespace fulcrum {
namespace {

// kCut: wrong in any way; kNone: nothing to check.
Form judge(Batch& b, unsigned i) noexcept {
  IpSpan ip;
  if (const Form form = find_ip(b, i, ip); form != Form::kWhole) return form;
  Covered covered;
  if (const Form form = find_covered(ip, covered); form != Form::kWhole) return form;
  return is_right(ip, covered) ? Form::kWhole : Form::kCut;
}

}  // namespace

std::vector<ArgError> CheckL4Checksum::configure(std::span<const Arg> given, Setup&) { return ArgReader(given).done(); }

void CheckL4Checksum::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t unchecked = 0;
  split_good(in, out, bad_, [&](unsigned i) {
    const Form form = judge(b, i);
    unchecked += form == Form::kNone;
    return form != Form::kCut;
  });
  unchecked_.add(unchecked);
}

std::vector<CounterValue> CheckL4Checksum::counters() const {
  return {{"bad", bad_.value()}, {"unchecked", unchecked_.value()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"good", Unconnected::kError, ""}, {"bad", Unconnected::kDrop, "bad_l4_checksum"}};
}
constinit const ElementClass kCheckL4ChecksumClass = {"CheckL4Checksum",
                                                      "CheckL4Checksum",
                                                      "splits packets by their TCP, UDP or ICMP checksum",
                                                      1,
                                                      kOutputs,
                                                      [] { return std::unique_ptr<Element>(new CheckL4Checksum); },
                                                      kManual};

}  // namespace fulcrum
