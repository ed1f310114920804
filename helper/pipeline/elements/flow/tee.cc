// SPDX-License-Identifier: MIT
// tee.cc - Tee: each packet by all outputs, as copies that share nothing.
#include "pipeline/elements/flow/tee.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/tee.h"

namespace fulcrum {
namespace {

bool copy(Batch& b, unsigned i, unsigned output) noexcept {
  const Made made = b.maker ? b.maker->make(b, i, output, b.len[i]) : Made{};
  if (!made) return false;
  Batch& n = *made.batch;
  std::memcpy(n.data[made.i], b.data[i], b.len[i]);
  n.l2[made.i] = b.l2[i];
  n.alert[made.i] = b.alert[i];
  n.paint[made.i] = b.paint[i];
  return true;
}

}  // namespace

std::vector<ArgError> Tee::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  const std::uint64_t n = args.number(args.positional(), {2, kMaxSwitchOutputs}, 2);
  for (std::uint64_t i = 0; i < n; ++i) outputs_.add(i ? "copy " + std::to_string(i) : "packet");
  return args.done();
}

void Tee::process(Batch& b, Mask in, Mask* out) noexcept {
  std::uint64_t copies = 0, no_room = 0;
  const auto n = static_cast<unsigned>(outputs_.size());
  for_each(in, [&](unsigned i) {
    for (unsigned output = 1; output < n; ++output) ++(copy(b, i, output) ? copies : no_room);
  });
  copies_.add(copies);
  no_room_.add(no_room);
  out[0] = in;
}

constinit const ElementClass kTeeClass = {"Tee",   "Tee(N)", "sends each packet by all outputs, as copies",
                                          1,       {},       [] { return std::unique_ptr<Element>(new Tee); },
                                          kManual, true};

}  // namespace fulcrum
