// SPDX-License-Identifier: MIT
// sample.cc - one judgement a packet, on the cpu or from the kernel's results.
#include "plugins/sample/sample.h"

#include <bit>

#include "fulcrum/args.h"
#include "fulcrum/range.h"
#include "manual/plugins/sample/sample.h"
#include "plugins/sample/sample.core.h"

FU_DECLARE_KERNEL(sample, sample)

namespace fulcrum::sample {
namespace {

constexpr KernelDecl kKernel{.name = "sample",
                             .read = {.range = PacketRange::kPayload},
                             .cpu = FU_CPU_CODE(sample),
                             .opencl = sample_opencl,
                             .cuda = sample_cuda};

}  // namespace

std::vector<ArgError> Sample::configure(std::span<const Arg> given, Setup&) {
  ArgReader args(given);
  if (const Arg* a = args.keyword("BELOW")) {
    below_ = static_cast<std::uint32_t>(std::strtoul(a->text.c_str(), nullptr, 10));
    if (below_ < 1000 || below_ > 256000) args.error(a->pos, "BELOW is out of range", {"1000 to 256000"});
  }
  return args.done();
}

void Sample::split(Mask in, Mask random, Mask* out) noexcept {
  out[0] = in & ~random;
  out[1] = random;
  other_.add(static_cast<unsigned>(std::popcount(out[0])));
  random_.add(static_cast<unsigned>(std::popcount(out[1])));
}

void Sample::process(Batch& b, Mask in, Mask* out) noexcept {
  Mask random = 0;
  for_each(in, [&](unsigned i) {
    const ByteRange range = packet_range(b, i, PacketRange::kPayload, 0);
    const std::uint32_t found = sample_coincidence(b.data[i] + range.offset, range.length);
    if (found && found <= below_) random |= Mask{1} << i;
  });
  split(in, random, out);
}

const KernelDecl& Sample::kernel() const noexcept { return kKernel; }

void Sample::finish(Batch&, Mask in, const ItemResults& items, Mask* out) noexcept {
  Mask random = 0;
  for_each(in, [&](unsigned i) {
    if (items.result(i) && items.result(i) <= below_) random |= Mask{1} << i;
  });
  split(in, random, out);
}

std::vector<CounterValue> Sample::counters() const { return {{"other", other_.value()}, {"random", random_.value()}}; }

namespace {

constexpr OutputSpec kOutputs[] = {{"other", Unconnected::kError, nullptr},
                                   {"random", Unconnected::kDrop, "random_payload"}};
const ElementClass kElements[] = {{
    .name = "Sample",
    .synopsis = "Sample([BELOW THOUSANDTHS])",
    .summary = "tells encrypted and compressed payloads from the rest",
    .inputs = 1,
    .outputs = kOutputs,
    .make = []() -> std::unique_ptr<Element> { return std::make_unique<Sample>(); },
    .manual = kManual,
}};
constexpr const KernelDecl* kKernels[] = {&kKernel};

}  // namespace
}  // namespace fulcrum::sample

FULCRUM_PLUGIN(sample) = {.abi = fulcrum::kPluginAbi,
                          .name = "sample",
                          .version = "1.0",
                          .elements = fulcrum::sample::kElements,
                          .summary = "one element with a device kernel",
                          .kernels = fulcrum::sample::kKernels};
