// SPDX-License-Identifier: MIT
// cpu.h - the CPUs this process may use, and what they can do.
#pragma once

#include <vector>

#include "fulcrum/isa.h"
#include "fulcrum/result.h"

namespace fulcrum {

// CPU numbers allowed by affinity (taskset, cgroup), ascending.
std::vector<int> allowed_cpus();

// Binds the calling thread. Errors: no such CPU, or not allowed.
Result<void> pin_this_thread(int cpu);

// NUMA node of a CPU; 0 where the kernel does not say.
int numa_node_of(int cpu);

}  // namespace fulcrum
