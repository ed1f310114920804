// SPDX-License-Identifier: MIT
// table.cc - the element classes of this folder.
#include "pipeline/elements/builtin.h"
#include "pipeline/elements/ports/discard.h"
#include "pipeline/elements/ports/from_capture.h"
#include "pipeline/elements/ports/from_port.h"
#include "pipeline/elements/ports/to_capture.h"
#include "pipeline/elements/ports/to_kernel.h"
#include "pipeline/elements/ports/to_port.h"

namespace fulcrum {

std::span<const ElementClass* const> port_elements() {
  static constexpr const ElementClass* kAll[] = {&kDiscardClass,   &kFromCaptureClass, &kFromPortClass,
                                                 &kToCaptureClass, &kToKernelClass,    &kToPortClass};
  return kAll;
}

}  // namespace fulcrum
