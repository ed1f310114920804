// SPDX-License-Identifier: MIT
// vlan_decap.cc - VLANDecap: takes the outermost VLAN tag off -> 0; no such tag -> 1.
#include "pipeline/elements/packet/vlan_decap.h"

#include "manual/pipeline/elements/packet/vlan_decap.h"
#include "pipeline/elements/packet/ip_family.h"
#include "pipeline/elements/packet/values.h"
#include "pipeline/elements/packet/vlan.h"

namespace fulcrum {

std::vector<ArgError> VLANDecap::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  const Arg* id = args.keyword("ID");
  if (!id) id = args.positional();
  any_ = !id;
  if (id) id_ = read_number(args, *id, "ID", 0, 4094);
  return args.done();
}

void VLANDecap::process(Batch& b, Mask in, Mask* out) noexcept {
  split_good(in, out, untagged_, [&](unsigned i) {
    if (!has_tag(b, i)) return false;
    if (!any_ && (load_be16(b.data[i] + kTypeAt + 2) & 0xfff) != id_) return false;
    remove_tag(b, i);
    return true;
  });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}, {"untagged", Unconnected::kDrop, "untagged"}};
}
constinit const ElementClass kVLANDecapClass = {"VLANDecap",
                                                "VLANDecap([ID n])",
                                                "takes the outermost VLAN tag off",
                                                1,
                                                kOutputs,
                                                [] { return std::unique_ptr<Element>(new VLANDecap); },
                                                kManual};

}  // namespace fulcrum
