// SPDX-License-Identifier: MIT
// meter.cc - Meter: packets by the lowest of several rates that still has room for them.
#include "pipeline/elements/flow/meter.h"

#include "manual/pipeline/elements/flow/meter.h"

namespace fulcrum {

std::vector<ArgError> Meter::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  limits_.configure(args, setup, "Meter", kMaxRates);
  for (unsigned k = 0; k < limits_.size(); ++k) outputs_.add("within rate " + std::to_string(k + 1));
  outputs_.add("above");
  return args.done();
}

void Meter::process(Batch& b, Mask in, Mask* out) noexcept {
  for (unsigned k = limits_.size(); k > 0; --k) {
    const Mask within = limits_.spend(k - 1, b, in);
    out[k] = in & ~within;
    in = within;
  }
  out[0] = in;
}

std::span<const HandlerSpec> Meter::handlers() const {
  static constexpr HandlerSpec kHandlers[] = {
      {"limits", "", "the rates and bursts as they are, a line each", false},
      {"rates", "RATE … [BURST b]", "sets all rates from the next batch on", true},
  };
  return kHandlers;
}

Result<std::string> Meter::read(std::string_view handler, std::span<const Arg>, std::span<Element* const>) {
  if (handler != "limits") return Error{"has no such handler"};
  return limits_.text();
}

Result<Element::Change> Meter::write(std::string_view handler, std::span<const Arg> args, Setup&) {
  if (handler != "rates") return Error{"has no such handler"};
  Result<std::vector<BucketLimit>> limits = limits_.parse(args);
  if (!limits) return limits.error();
  return Change([this, limits = std::move(*limits)] { limits_.set(limits); });
}

constinit const ElementClass kMeterClass = {"Meter",
                                            "Meter(RATE, … [, BURST b])",
                                            "output by the lowest rate that has room",
                                            1,
                                            {},
                                            [] { return std::unique_ptr<Element>(new Meter); },
                                            kManual,
                                            true};

}  // namespace fulcrum
