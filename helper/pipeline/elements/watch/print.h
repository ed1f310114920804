// SPDX-License-Identifier: MIT
// print.h - Print: passes packets on and writes a line for some of them.
//
// SYNOPSIS  Print([PREFIX text] [, EVERY n] [, MAX bytes])
// INPUTS    0
// OUTPUTS   0 packets: all, unchanged; must be connected
// ARGUMENTS PREFIX  what a line begins with; default: the element's name
//           EVERY   of so many packets of a worker the first is printed, 1 to 1000000000;
//                   default 1
//           MAX     bytes of a packet that are shown in hexadecimal, 0 to 1024; default 64
// COUNTERS  printed, missed (lines come faster than they can be written)
// NOTES     A line on standard error:
//             PREFIX: SECONDS.NANOSECONDS LENGTH bytes, PROTOCOL SOURCE > DESTINATION: HEX
//           Times are CLOCK_MONOTONIC's, in `fulcrum run` the capture's. A background thread
//           writes: no packet waits for it, but in `fulcrum run`, where none is missed.
#pragma once

#include <memory>

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "port/packet_tap.h"

namespace fulcrum {

class Print final : public Element {
 public:
  ~Print() override;
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  std::shared_ptr<PacketTap> tap_;
  std::shared_ptr<TapLane> lane_;
  std::uint64_t every_ = 1;
  std::uint64_t until_next_ = 0;  // packets that pass unprinted
  Count printed_, missed_;
};

// The line of one packet, without its end.
std::string print_line(const TapStyle& style, const TapRecord& r, const std::uint8_t* bytes);

extern const ElementClass kPrintClass;

}  // namespace fulcrum
