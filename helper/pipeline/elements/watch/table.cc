// SPDX-License-Identifier: MIT
// table.cc - the element classes of this folder.
#include "pipeline/elements/builtin.h"
#include "pipeline/elements/watch/counter.h"
#include "pipeline/elements/watch/mirror.h"

namespace fulcrum {

std::span<const ElementClass* const> watch_elements() {
  static constexpr const ElementClass* kAll[] = {&kCounterClass, &kMirrorClass};
  return kAll;
}

}  // namespace fulcrum
