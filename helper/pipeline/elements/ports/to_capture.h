// SPDX-License-Identifier: MIT
// to_capture.h - ToCapture: input -> a capture file, and no further.
//
// SYNOPSIS  ToCapture(FILE)
// INPUTS    0
// OUTPUTS   none: every packet is dropped as "captured"
// ARGUMENTS FILE  name of the capture, relative to the configuration's folder
// COUNTERS  packets, missed (the writer did not keep up), failed (could not be written)
// NOTES     Written is the packet as it would be sent, with the Ethernet addresses that
//           were chosen for it. The file grows without limit: Mirror -> Discard keeps
//           files of a size in turn. What was in the file goes when the first packet
//           comes, but a change of pipeline goes on with it. The format is pcap with
//           nanoseconds; in `fulcrum run` the times are those of the packets that came in,
//           and no packet is missed. The file is readable to its owner only.
#pragma once

#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/watch/capture_tap.h"

namespace fulcrum {

class ToCapture final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;

 private:
  CaptureTap tap_;
  Reason captured_ = 0;
  Count packets_, missed_;
};

extern const ElementClass kToCaptureClass;

}  // namespace fulcrum
