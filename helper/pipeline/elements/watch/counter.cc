// SPDX-License-Identifier: MIT
// counter.cc - Counter: counts packets and bytes on the way from input to output 0.
#include "pipeline/elements/watch/counter.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/watch/counter.h"

namespace fulcrum {

std::vector<ArgError> Counter::configure(std::span<const Arg> given, Setup&) { return ArgReader(given).done(); }

void Counter::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t bytes = 0;
  for_each(in, [&](unsigned i) { bytes += b.len[i]; });
  packets_.add(static_cast<std::uint64_t>(std::popcount(in)));
  bytes_.add(bytes);
  out[0] = in;
}

std::vector<CounterValue> Counter::counters() const {
  return {{"packets", packets_.value()}, {"bytes", bytes_.value()}};
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kCounterClass = {
    "Counter", "Counter", "counts packets and bytes", 1, kOutputs, [] { return std::unique_ptr<Element>(new Counter); },
    kManual};

}  // namespace fulcrum
