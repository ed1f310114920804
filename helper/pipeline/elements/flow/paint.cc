// SPDX-License-Identifier: MIT
// paint.cc - Paint: marks packets with a colour.
#include "pipeline/elements/flow/paint.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/paint.h"

namespace fulcrum {

std::vector<ArgError> Paint::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  color_ = static_cast<std::uint8_t>(args.number(args.positional("a colour from 0 to 255"), {0, 255}));
  return args.done();
}

void Paint::process(Batch& b, Mask in, Mask* out) noexcept {
  for_each(in, [&](unsigned i) { b.paint[i] = color_; });
  out[0] = in;
}

namespace {
constexpr OutputSpec kOutputs[] = {{"painted", Unconnected::kError, ""}};
}
constinit const ElementClass kPaintClass = {"Paint", "Paint(COLOR)", "marks packets with a colour",
                                            1,       kOutputs,       [] { return std::unique_ptr<Element>(new Paint); },
                                            kManual};

}  // namespace fulcrum
