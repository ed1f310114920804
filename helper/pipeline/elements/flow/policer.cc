// SPDX-License-Identifier: MIT
// policer.cc - Policer: packets within a rate -> 0, those above it -> 1.
#include "pipeline/elements/flow/policer.h"

#include "manual/pipeline/elements/flow/policer.h"

namespace fulcrum {

std::vector<ArgError> Policer::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  limits_.configure(args, setup, "Policer", 1);
  return args.done();
}

void Policer::process(Batch& b, Mask in, Mask* out) noexcept {
  const auto count = [&](Mask m, Count& packets, Count& bytes) {
    std::uint64_t sum = 0;
    for_each(m, [&](unsigned i) { sum += b.len[i]; });
    packets.add(static_cast<std::uint64_t>(std::popcount(m)));
    bytes.add(sum);
  };
  out[0] = limits_.spend(0, b, in);
  out[1] = in & ~out[0];
  count(out[0], conform_packets_, conform_bytes_);
  count(out[1], exceed_packets_, exceed_bytes_);
}

std::vector<CounterValue> Policer::counters() const {
  return {{"conform_packets", conform_packets_.value()},
          {"conform_bytes", conform_bytes_.value()},
          {"exceed_packets", exceed_packets_.value()},
          {"exceed_bytes", exceed_bytes_.value()}};
}

std::span<const HandlerSpec> Policer::handlers() const {
  static constexpr HandlerSpec kHandlers[] = {
      {"limit", "", "the rate and burst as they are", false},
      {"rate", "RATE [BURST b]", "sets the rate from the next batch on", true},
  };
  return kHandlers;
}

Result<std::string> Policer::read(std::string_view handler, std::span<const Arg>, std::span<Element* const>) {
  if (handler != "limit") return Error{"has no such handler"};
  return limits_.text();
}

Result<Element::Change> Policer::write(std::string_view handler, std::span<const Arg> args, Setup&) {
  if (handler != "rate") return Error{"has no such handler"};
  Result<std::vector<BucketLimit>> limits = limits_.parse(args);
  if (!limits) return limits.error();
  return Change([this, limits = std::move(*limits)] { limits_.set(limits); });
}

namespace {
constexpr OutputSpec kOutputs[] = {{"conform", Unconnected::kError, ""}, {"exceed", Unconnected::kDrop, "policed"}};
}
constinit const ElementClass kPolicerClass = {"Policer",
                                              "Policer(RATE [, BURST b])",
                                              "splits packets within a rate from those above it",
                                              1,
                                              kOutputs,
                                              [] { return std::unique_ptr<Element>(new Policer); },
                                              kManual};

}  // namespace fulcrum
