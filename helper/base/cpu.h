// SPDX-License-Identifier: MIT
// cpu.h - the CPUs this process may use, and what they can do.
#pragma once

#include <vector>

#include "fulcrum/result.h"

namespace fulcrum {

// Instruction sets that kernels are compiled for: x86-64 psABI levels (v3 and
// above with AES and PCLMULQDQ), and Xeon Phi (AVX-512 F and CD without BW, DQ, VL).
enum class Isa { kV2, kV3, kKnl, kV4 };

// "x86-64-v4 (AVX-512, 512 bit)"
const char* isa_name(Isa isa);
bool isa_supported(Isa isa);
Isa best_isa();

// CPU numbers allowed by affinity (taskset, cgroup), ascending.
std::vector<int> allowed_cpus();

// Binds the calling thread. Errors: no such CPU, or not allowed.
Result<void> pin_this_thread(int cpu);

// NUMA node of a CPU; 0 where the kernel does not say.
int numa_node_of(int cpu);

}  // namespace fulcrum
