// SPDX-License-Identifier: MIT
// table.cc - the element classes of this folder.
#include "pipeline/elements/builtin.h"
#include "pipeline/elements/packet/check_ip.h"
#include "pipeline/elements/packet/check_ip6.h"
#include "pipeline/elements/packet/dec_hlim.h"
#include "pipeline/elements/packet/dec_ttl.h"
#include "pipeline/elements/packet/ether_rewrite.h"

namespace fulcrum {

std::span<const ElementClass* const> packet_elements() {
  static constexpr const ElementClass* kAll[] = {&kCheckIP6HeaderClass, &kCheckIPHeaderClass, &kDecIP6HLIMClass,
                                                 &kDecIPTTLClass, &kEtherRewriteClass};
  return kAll;
}

}  // namespace fulcrum
