// SPDX-License-Identifier: MIT
// check_paint.cc - CheckPaint: packets of one colour -> 0, all others -> 1.
#include "pipeline/elements/flow/check_paint.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/check_paint.h"

namespace fulcrum {

std::vector<ArgError> CheckPaint::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  color_ = static_cast<std::uint8_t>(args.number(args.positional("a colour from 0 to 255"), {0, 255}));
  return args.done();
}

void CheckPaint::process(Batch& b, Mask in, Mask* out) noexcept {
  Mask match = 0;
  for_each(in, [&](unsigned i) { match |= Mask{b.paint[i] == color_} << i; });
  out[0] = match;
  out[1] = in & ~match;
}

namespace {
constexpr OutputSpec kOutputs[] = {{"match", Unconnected::kError, ""}, {"other", Unconnected::kDrop, "other_paint"}};
}
constinit const ElementClass kCheckPaintClass = {"CheckPaint",
                                                 "CheckPaint(COLOR)",
                                                 "splits packets of one colour from all others",
                                                 1,
                                                 kOutputs,
                                                 [] { return std::unique_ptr<Element>(new CheckPaint); },
                                                 kManual};

}  // namespace fulcrum
