// SPDX-License-Identifier: MIT
// null.cc - Null: hands packets on as they are.
#include "pipeline/elements/flow/null.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/flow/null.h"

namespace fulcrum {

std::vector<ArgError> Null::configure(std::span<const Arg> given, Setup&) { return ArgReader(given).done(); }

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, nullptr}};
}
constinit const ElementClass kNullClass = {"Null", "Null",   "hands packets on as they are",
                                           1,      kOutputs, [] { return std::unique_ptr<Element>(new Null); },
                                           kManual};

}  // namespace fulcrum
