// SPDX-License-Identifier: MIT
// from_port.cc - FromPort: packets received on a port -> output 0.
#include "pipeline/elements/ports/from_port.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/ports/from_port.h"

namespace fulcrum {

std::vector<ArgError> FromPort::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  if (const Arg* a = args.positional("the name of a port")) {
    name_ = a->text;
    Result<std::uint16_t> port = setup.port(name_);
    if (port)
      port_ = *port;
    else
      args.error(a->pos, port.error().text);
  }
  if (const Arg* a = args.keyword("ORDERING"))
    ordering_ =
        args.choice<fulcrum_ordering>(*a, {{"flow", FULCRUM_ORDER_FLOW}, {"none", FULCRUM_ORDER_NONE}}, ordering_);
  if (const Arg* a = args.keyword("ON_HELPER_LOSS"))
    on_loss_ = args.choice<fulcrum_on_loss>(
        *a, {{"pass", FULCRUM_LOSS_PASS}, {"drop", FULCRUM_LOSS_DROP}, {"inline", FULCRUM_LOSS_INLINE}}, on_loss_);
  return args.done();
}

namespace {
constexpr OutputSpec kOutputs[] = {{"packets", Unconnected::kError, ""}};
}
constinit const ElementClass kFromPortClass = {
    "FromPort",
    "FromPort(NAME [, ORDERING flow|none] [, ON_HELPER_LOSS pass|drop|inline])",
    "packets received on a port",
    0,
    kOutputs,
    [] { return std::unique_ptr<Element>(new FromPort); },
    kManual};

}  // namespace fulcrum
