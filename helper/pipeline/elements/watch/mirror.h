// SPDX-License-Identifier: MIT
// mirror.h - Mirror: passes packets on and copies them to a capture file.
//
// SYNOPSIS  Mirror(FILE [, SNAP bytes] [, MAX_SIZE bytes] [, FILES n] [, EVERY n])
// INPUTS    0
// OUTPUTS   0 packets: all, unchanged; must be connected
// ARGUMENTS FILE      name of the capture, relative to the configuration's folder
//           SNAP      bytes kept of a packet, 14 to 256KiB; default 256KiB
//           MAX_SIZE  size at which the next file is begun, 1KiB to 1TiB; default 100MiB
//           FILES     files that are kept, 1 to 1000; default 10
//           EVERY     of so many packets of a worker the first is copied, 1 to 1000000000;
//                     default 1
// COUNTERS  mirrored, missed (the writer did not keep up), failed (could not be written)
// NOTES     Copied is the packet as it would be sent from here, with the Ethernet
//           addresses that were chosen so far. FILE is the one being written; full ones are
//           FILE.1, the newest, to FILE.9. A file that is there already is moved on like a
//           full one when the first packet comes; before that nothing is written. A change
//           of pipeline goes on with the same file. The format is pcap with nanoseconds.
//           Several Mirrors and ToCaptures may name one file. A background thread writes,
//           through io_uring where the kernel allows it: no packet waits for it, but in
//           `fulcrum run`, where none is missed. The file is readable to its owner only.
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/watch/capture_tap.h"

namespace fulcrum {

class Mirror final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  CaptureTap tap_;
  std::uint64_t every_ = 1;
  std::uint64_t until_next_ = 0;  // packets that pass uncopied
  Count mirrored_, missed_;
};

extern const ElementClass kMirrorClass;

}  // namespace fulcrum
