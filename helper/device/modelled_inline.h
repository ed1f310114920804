// SPDX-License-Identifier: MIT
// modelled_inline.h - one private thread a queue as a device: what a model runs on when it wraps none.
#pragma once

#include <memory>

#include "device/device.h"

namespace fulcrum {

struct InlineConfig {
  unsigned max_in_flight = 4;
  // True: tasks run in memory of the device's own, that the segments of a task
  // are copied to and from as to a card. What a task leaves out of its segments
  // is then missing on the device too.
  bool staged = false;
};

// Threads: see Device. A queue may outlive its device.
std::unique_ptr<Device> make_inline_device(const InlineConfig& config);

}  // namespace fulcrum
