// SPDX-License-Identifier: MIT
// set_checksums.cc - SetChecksums: IPv4 header, TCP, UDP and ICMP checksums computed anew -> 0.
#include "pipeline/elements/packet/set_checksums.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/packet/set_checksums.h"
#include "pipeline/elements/packet/ip_family.h"
#include "pipeline/elements/packet/l4_checksum.h"

namespace fulcrum {

std::vector<ArgError> SetChecksums::configure(std::span<const Arg> given, Setup&) { return ArgReader(given).done(); }

void SetChecksums::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t header_only = 0;
  split_good(in, out, bad_, [&](unsigned i) {
    IpSpan ip;
    if (const Form form = find_ip(b, i, ip); form != Form::kWhole) return form == Form::kNone;
    Covered covered;
    const Form form = find_covered(ip, covered);
    if (form == Form::kCut) return false;
    if (!ip.v6) make_right4(ip);
    if (form == Form::kWhole) make_right(covered);
    header_only += form == Form::kNone;
    return true;
  });
  header_only_.add(header_only);
}

std::vector<CounterValue> SetChecksums::counters() const {
  return {{"bad", bad_.value()}, {"header_only", header_only_.value()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}, {"bad", Unconnected::kDrop, "bad_length"}};
}
constinit const ElementClass kSetChecksumsClass = {"SetChecksums",
                                                   "SetChecksums",
                                                   "computes IPv4, TCP, UDP and ICMP checksums",
                                                   1,
                                                   kOutputs,
                                                   [] { return std::unique_ptr<Element>(new SetChecksums); },
                                                   kManual};

}  // namespace fulcrum
