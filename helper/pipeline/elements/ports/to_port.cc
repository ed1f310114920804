// SPDX-License-Identifier: MIT
// to_port.cc - ToPort: input -> sent on a port, with the Ethernet addresses a lookup chose.
#include "pipeline/elements/ports/to_port.h"

#include "fulcrum/args.h"
#include "manual/pipeline/elements/ports/to_port.h"

namespace fulcrum {

std::vector<ArgError> ToPort::configure(std::span<const Arg> given, Setup& setup) {
  ArgReader args(given);
  no_port_ = setup.reason("no_port");
  if (const Arg* a = args.positional()) {
    Result<std::uint16_t> port = setup.port(a->text);
    if (port)
      fixed_ = *port;
    else
      args.error(a->pos, port.error().text);
  }
  return args.done();
}

void ToPort::process(Batch& b, Mask in, Mask*) noexcept {
  std::uint64_t packets = 0, bytes = 0;
  for_each(in, [&](unsigned i) {
    const std::uint16_t port = fixed_ != kNoPort ? fixed_ : b.out_port[i];
    if (port == kNoPort) return b.drop(i, no_port_);
    b.transmit(i, port);
    ++packets;
    bytes += b.len[i];
  });
  packets_.add(packets);
  bytes_.add(bytes);
}

std::vector<CounterValue> ToPort::counters() const {
  return {{"packets", packets_.value()}, {"bytes", bytes_.value()}};
}

constinit const ElementClass kToPortClass = {
    "ToPort", "ToPort([NAME])", "sends packets on a port", 1, {}, [] { return std::unique_ptr<Element>(new ToPort); },
    kManual};

}  // namespace fulcrum
