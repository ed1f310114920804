// SPDX-License-Identifier: MIT
// mirror.cc - Mirror: passes packets on and copies them to a capture file.
#include "pipeline/elements/watch/mirror.h"

#include "manual/pipeline/elements/watch/mirror.h"

namespace fulcrum {

std::vector<ArgError> Mirror::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  const Arg* file = args.keyword("FILE");
  if (!file) file = args.positional("the name of a capture file");
  TapStyle style;
  style.snap_bytes =
      static_cast<std::uint32_t>(args.size(args.keyword("SNAP"), {14, kMaxCapturedBytes}, kMaxCapturedBytes));
  style.max_file_bytes = args.size(args.keyword("MAX_SIZE"), {1 << 10, std::uint64_t{1} << 40}, 100 << 20);
  style.files = static_cast<unsigned>(args.number(args.keyword("FILES"), {1, 1000}, 10));
  every_ = args.number(args.keyword("EVERY"), {1, 1'000'000'000}, 1);
  if (file) tap_.open(args, *file, std::move(style), setup);
  return args.done();
}

void Mirror::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t mirrored = 0, missed = 0;
  for_each(in, [&](unsigned i) {
    if (until_next_) {
      --until_next_;
      return;
    }
    until_next_ = every_ - 1;
    ++(tap_.put(b, i) ? mirrored : missed);
  });
  mirrored_.add(mirrored);
  missed_.add(missed);
  out[0] = in;
}

std::vector<CounterValue> Mirror::counters() const {
  return {{"mirrored", mirrored_.value()}, {"missed", missed_.value()}, {"failed", tap_.failed()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kMirrorClass = {"Mirror",
                                             "Mirror(FILE [, SNAP bytes] [, MAX_SIZE bytes] [, FILES n] [, EVERY n])",
                                             "copies packets to a capture file",
                                             1,
                                             kOutputs,
                                             [] { return std::unique_ptr<Element>(new Mirror); },
                                             kManual};

}  // namespace fulcrum
