// SPDX-License-Identifier: MIT
// rounds.h - batches that go round through tasks, no graph between -> packets and time.
#pragma once

#include <memory>
#include <vector>

#include "bench/traffic.h"
#include "device/aggregate.h"

namespace fulcrum {

using Batches = std::vector<std::unique_ptr<Batch>>;

// One batch for each of the traffic's, filled.
Batches receive_all(const Traffic& traffic);

struct Round {
  std::uint64_t packets = 0;
  std::uint64_t elapsed_ns = 0;
  std::uint64_t cpu_ns = 0;  // of this thread, without that between finding nothing to do and finding something again
  double mpps() const { return elapsed_ns ? 1e3 * static_cast<double>(packets) / static_cast<double>(elapsed_ns) : 0; }
};

// Each batch goes in, through a task of chain 0, out and in again.
Round go_round(TaskAggregator& tasks, Batches& batches, std::uint64_t for_ns);

}  // namespace fulcrum
