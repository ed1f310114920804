// SPDX-License-Identifier: MIT
// table.cc - the element classes of this folder.
#include "pipeline/elements/builtin.h"

namespace fulcrum {

std::span<const ElementClass* const> flow_elements() { return {}; }

}  // namespace fulcrum
