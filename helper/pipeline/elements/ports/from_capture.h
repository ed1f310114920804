// SPDX-License-Identifier: MIT
// from_capture.h - FromCapture: packets of a capture file -> output 0, in `fulcrum run`.
//
// SYNOPSIS  FromCapture(FILE [, PORT name])
// INPUTS    none
// OUTPUTS   0 packets: all that the front-end would steer to the helper; must be connected
// ARGUMENTS FILE  pcap or pcapng with Ethernet packets, relative to the configuration's
//                 folder
//           PORT  port that they are taken to have come in by; default: the element's name
// COUNTERS  none of its own; see its packets_in
// NOTES     `fulcrum run` reads it without --in. Packets of several captures go through the
//           pipeline in the order of their times. The helper reads interfaces only: there,
//           send the file to one of them with tcpreplay(1).
#pragma once

#include "pipeline/elements/ports/source.h"

namespace fulcrum {

class FromCapture final : public Source {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
};

extern const ElementClass kFromCaptureClass;

}  // namespace fulcrum
