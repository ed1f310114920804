// SPDX-License-Identifier: MIT
// modelled.h - another device, as slow, as small and as unreliable as a model of a third.
//
// Results are those of the device that is wrapped; when a task comes back, how
// much memory there is and what fails is the model's (device_model.h). A task
// that the wrapped device finishes later than modelled comes back late: info()
// tells how many did.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "device/device.h"
#include "device/device_model.h"
#include "fulcrum/result.h"

namespace fulcrum {

// The clock that completions are kept to.
struct ModelledClock {
  std::uint64_t (*now)() noexcept = now_ns;
  void (*sleep_until)(std::uint64_t ns) = nullptr;  // null: the thread sleeps
};

struct ModelledConfig {
  std::string name = "modelled";  // of the tier
  DeviceModel model;
  // Plays on when the device is opened again: whoever opens keeps it. Null: a new one.
  std::shared_ptr<FailureScript> script;
  unsigned max_in_flight = 4;  // tasks a queue takes, where the model has no lower limit
  ModelledClock clock;
};

// `inner` runs the kernels. Null: a thread a queue, and where the model is not
// in place, tasks run in memory of their own as on a card.
// Errors: by the failure script, the device does not come back yet.
Result<std::unique_ptr<Device>> open_modelled(const ModelledConfig& config, std::unique_ptr<Device> inner);

}  // namespace fulcrum
