// SPDX-License-Identifier: MIT
// pinned.h - runs a measurement on a thread of its own, pinned to a CPU: the caller stays where it was.
#pragma once

#include <thread>

#include "base/cpu.h"

namespace fulcrum {

// Errors: of the pinning; then f did not run.
template <class F>
Result<void> run_pinned(int cpu, F&& f) {
  Result<void> pinned;
  std::thread worker([&] {
    pinned = pin_this_thread(cpu);
    if (pinned) f();
  });
  worker.join();
  return pinned;
}

}  // namespace fulcrum
