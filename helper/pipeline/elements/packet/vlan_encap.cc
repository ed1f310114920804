// SPDX-License-Identifier: MIT
// vlan_encap.cc - VLANEncap: puts a VLAN tag in front of the EtherType -> output 0.
#include "pipeline/elements/packet/vlan_encap.h"

#include "manual/pipeline/elements/packet/vlan_encap.h"
#include "pipeline/elements/packet/values.h"
#include "pipeline/elements/packet/vlan.h"

namespace fulcrum {

std::vector<ArgError> VLANEncap::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  short_frame_ = setup.reason("short_frame");
  tci_ = read_needed_number(args, "ID", 0, 4094) | read_number_or(args, "PRIO", 0, 7, 0) << 13;
  tpid_ = kTpidQ;
  if (const Arg* a = args.keyword("TPID"))
    tpid_ = args.choice<std::uint32_t>(*a, {{"802.1q", kTpidQ}, {"802.1ad", kTpidAd}}, kTpidQ);
  return args.done();
}

void VLANEncap::process(Batch& b, Mask in, Mask* out) noexcept {
  for_each(in, [&](unsigned i) {
    if (b.len[i] < FULCRUM_ETH_BYTES) {
      b.drop(i, short_frame_);
      return short_.add(1);
    }
    add_tag(b, i, tpid_, tci_);
    out[0] |= Mask{1} << i;
  });
  packets_.add(static_cast<std::uint64_t>(std::popcount(out[0])));
}

std::vector<CounterValue> VLANEncap::counters() const {
  return {{"packets", packets_.value()}, {"short", short_.value()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kVLANEncapClass = {"VLANEncap",
                                                "VLANEncap(ID n [, PRIO n] [, TPID 802.1q | 802.1ad])",
                                                "adds a VLAN tag",
                                                1,
                                                kOutputs,
                                                [] { return std::unique_ptr<Element>(new VLANEncap); },
                                                kManual};

}  // namespace fulcrum
