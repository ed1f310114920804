// SPDX-License-Identifier: MIT
// to_kernel.cc - ToKernel: input -> the kernel's network stack.
#include "pipeline/elements/ports/to_kernel.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/ports/to_kernel.h"

namespace fulcrum {

std::vector<ArgError> ToKernel::configure(std::span<const Arg> given, Setup& setup) {
  reason_ = setup.reason("to_kernel");
  return ArgReader(given).done();
}

void ToKernel::process(Batch& b, Mask in, Mask*) noexcept {
  for_each(in, [&](unsigned i) { b.to_kernel(i, b.reason[i] ? b.reason[i] : reason_); });
  packets_.add(static_cast<std::uint64_t>(std::popcount(in)));
}

constinit const ElementClass kToKernelClass = {
    "ToKernel", "ToKernel", "hands packets to the kernel's network stack",
    1,          {},         [] { return std::unique_ptr<Element>(new ToKernel); },
    kManual};

}  // namespace fulcrum
