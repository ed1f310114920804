// SPDX-License-Identifier: MIT
// builtin.cc - the element classes that need no require(): the tables of the folders here, joined.
#include "pipeline/elements/builtin.h"

#include "pipeline/registry.h"

namespace fulcrum {

std::span<const ElementClass* const> builtin_elements() {
  static const std::vector<const ElementClass*> all = [] {
    std::vector<const ElementClass*> joined;
    for (std::span<const ElementClass* const> folder :
         {port_elements(), flow_elements(), packet_elements(), watch_elements()})
      joined.insert(joined.end(), folder.begin(), folder.end());
    return joined;
  }();
  return all;
}

}  // namespace fulcrum
