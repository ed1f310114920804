// SPDX-License-Identifier: MIT
// unstrip.cc - Unstrip: gives back bytes that Strip took off the front -> output 0.
#include "pipeline/elements/packet/unstrip.h"

#include "fulcrum/reparse.h"
#include "manual/pipeline/elements/packet/unstrip.h"
#include "pipeline/elements/packet/values.h"

namespace fulcrum {

std::vector<ArgError> Unstrip::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  bytes_ = read_needed_number(args, "BYTES", 1, kHeadroomBytes);
  return args.done();
}

void Unstrip::process(Batch& b, Mask in, Mask* out) noexcept {
  for_each(in, [&](unsigned i) {
    b.push(i, bytes_);
    reparse(b, i);
  });
  out[0] = in;
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kUnstripClass = {
    "Unstrip", "Unstrip(BYTES n)", "gives back bytes taken off the front",
    1,         kOutputs,           [] { return std::unique_ptr<Element>(new Unstrip); },
    kManual};

}  // namespace fulcrum
