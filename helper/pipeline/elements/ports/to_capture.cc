// SPDX-License-Identifier: MIT
// to_capture.cc - ToCapture: input -> a capture file, and no further.
#include "pipeline/elements/ports/to_capture.h"

#include "manual/pipeline/elements/ports/to_capture.h"

namespace fulcrum {

std::vector<ArgError> ToCapture::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  captured_ = setup.reason("captured");
  const Arg* file = args.keyword("FILE");
  if (!file) file = args.positional("the name of a capture file");
  if (file) tap_.open(args, *file, {}, setup);
  return args.done();
}

void ToCapture::process(Batch& b, Mask in, Mask*) noexcept {
  std::uint64_t packets = 0, missed = 0;
  for_each(in, [&](unsigned i) {
    ++(tap_.put(b, i) ? packets : missed);
    b.drop(i, captured_);
  });
  packets_.add(packets);
  missed_.add(missed);
}

std::vector<CounterValue> ToCapture::counters() const {
  return {{"packets", packets_.value()}, {"missed", missed_.value()}, {"failed", tap_.failed()}};
}

constinit const ElementClass kToCaptureClass = {"ToCapture",
                                                "ToCapture(FILE)",
                                                "writes packets to a capture file and drops them",
                                                1,
                                                {},
                                                [] { return std::unique_ptr<Element>(new ToCapture); },
                                                kManual};

}  // namespace fulcrum
