// SPDX-License-Identifier: MIT
// table.cc - the element classes of this folder.
#include "pipeline/elements/builtin.h"
#include "pipeline/elements/watch/counter.h"
#include "pipeline/elements/watch/flow_table.h"
#include "pipeline/elements/watch/histogram.h"
#include "pipeline/elements/watch/mirror.h"
#include "pipeline/elements/watch/print.h"
#include "pipeline/elements/watch/rate_counter.h"

namespace fulcrum {

std::span<const ElementClass* const> watch_elements() {
  static constexpr const ElementClass* kAll[] = {&kCounterClass, &kFlowTableClass, &kHistogramClass,
                                                 &kMirrorClass,  &kPrintClass,     &kRateCounterClass};
  return kAll;
}

}  // namespace fulcrum
