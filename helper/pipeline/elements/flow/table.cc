// SPDX-License-Identifier: MIT
// table.cc - the element classes of this folder.
#include "pipeline/elements/builtin.h"
#include "pipeline/elements/flow/null.h"

namespace fulcrum {

std::span<const ElementClass* const> flow_elements() {
  static constexpr const ElementClass* kAll[] = {&kNullClass};
  return kAll;
}

}  // namespace fulcrum
