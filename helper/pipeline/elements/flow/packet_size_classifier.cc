// SPDX-License-Identifier: MIT
// packet_size_classifier.cc - PacketSizeClassifier: output by the length of the frame.
#include "pipeline/elements/flow/packet_size_classifier.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/packet_size_classifier.h"

namespace fulcrum {

std::vector<ArgError> PacketSizeClassifier::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  const Arg* a = args.positional("a size");
  for (; a; a = args.positional()) {
    const auto bytes = static_cast<std::uint32_t>(args.size(a, {1, 65536}, 0));
    if (bytes && !sizes_bytes_.empty() && bytes <= sizes_bytes_.back())
      args.error(a->pos, "size " + a->text + " is not above the one before it: sizes ascend");
    sizes_bytes_.push_back(bytes);
    outputs_.add("<= " + a->text);
  }
  if (sizes_bytes_.size() >= kMaxSwitchOutputs)
    args.error({}, std::to_string(sizes_bytes_.size()) + " sizes are too many: 63 is the limit");
  if (!sizes_bytes_.empty()) outputs_.add("> " + std::to_string(sizes_bytes_.back()));
  return args.done();
}

// One pass over the batch a size: few sizes, and no branch that depends on a packet.
void PacketSizeClassifier::process(Batch& b, Mask in, Mask* out) noexcept {
  for (std::size_t k = 0; k < sizes_bytes_.size() && in; ++k) {
    const std::uint32_t limit = sizes_bytes_[k];
    Mask fits = 0;
    for (unsigned i = 0; i < b.count; ++i) fits |= Mask{b.len[i] <= limit} << i;
    out[k] = in & fits;
    in &= ~fits;
  }
  out[sizes_bytes_.size()] = in;
}

constinit const ElementClass kPacketSizeClassifierClass = {
    "PacketSizeClassifier",
    "PacketSizeClassifier(SIZE, …)",
    "output by the length of the frame",
    1,
    {},
    [] { return std::unique_ptr<Element>(new PacketSizeClassifier); },
    kManual,
    true};

}  // namespace fulcrum
