// SPDX-License-Identifier: MIT
// rate_counter.h - RateCounter: passes packets on and tells how many come a second.
//
// SYNOPSIS  RateCounter([INTERVAL duration] [, EWMA n])
// INPUTS    0
// OUTPUTS   0 packets: all, unchanged; must be connected
// ARGUMENTS INTERVAL  time over which packets are counted, 1ms to 1h; default 1s
//           EWMA      the newest interval has 1/n of the average, 1 to 1000; default 8
// COUNTERS  packets, bytes (from the Ethernet header on)
// HANDLERS  rate   sums of all workers, one a line: packets_per_s and bytes_per_s of the last
//                  whole interval, average_packets_per_s and average_bytes_per_s, the
//                  exponentially weighted moving average of intervals
//           reset  starts again with the next packet
// NOTES     Intervals begin with a worker's first packet. Each packet counts by its own time,
//           in `fulcrum run` that of the capture. Times without packets count as empty
//           intervals; `fulcrum run` knows none behind its last packet. A change of pipeline
//           goes on with the average, where INTERVAL and EWMA stay.
#pragma once

#include <memory>

#include "base/seq_box.h"
#include "fulcrum/count.h"
#include "fulcrum/element.h"
#include "pipeline/elements/watch/rate_window.h"

namespace fulcrum {

class RateCounter final : public Element {
 public:
  std::vector<ArgError> configure(std::span<const Arg> args, Setup& setup) override;
  void process(Batch& b, Mask in, Mask* out) noexcept override;
  std::vector<CounterValue> counters() const override;
  std::span<const HandlerSpec> handlers() const override;
  Result<std::string> read(std::string_view name, std::span<const Arg> args, std::span<Element* const> peers) override;
  Result<Change> write(std::string_view name, std::span<const Arg> args, Setup& setup) override;

 private:
  struct State {
    RateWindow window;         // the worker's
    SeqBox<RateWindow> shown;  // for readers, a batch old
  };
  std::shared_ptr<State> state_;
  bool live_ = false;
  Count packets_, bytes_;
};

extern const ElementClass kRateCounterClass;

}  // namespace fulcrum
