// SPDX-License-Identifier: MIT
// builtin.cc - the table of element classes that need no require().
#include "pipeline/elements/check_ip.h"
#include "pipeline/elements/check_ip6.h"
#include "pipeline/elements/counter.h"
#include "pipeline/elements/dec_hlim.h"
#include "pipeline/elements/dec_ttl.h"
#include "pipeline/elements/discard.h"
#include "pipeline/elements/ether_rewrite.h"
#include "pipeline/elements/from_port.h"
#include "pipeline/elements/to_kernel.h"
#include "pipeline/elements/to_port.h"
#include "pipeline/registry.h"

namespace fulcrum {

std::span<const ElementClass* const> builtin_elements() {
  static constexpr const ElementClass* kAll[] = {
      &kCheckIP6HeaderClass, &kCheckIPHeaderClass, &kCounterClass,  &kDecIP6HLIMClass, &kDecIPTTLClass,
      &kDiscardClass,        &kEtherRewriteClass,  &kFromPortClass, &kToKernelClass,   &kToPortClass,
  };
  return kAll;
}

}  // namespace fulcrum
