// SPDX-License-Identifier: MIT
// cpu.cc - affinity, CPUID and sysfs.
#include "base/cpu.h"

#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

namespace fulcrum {
namespace {

// A set for as many CPUs as the kernel was built for; cpu_set_t ends at 1024.
constexpr int kMaxCpus = 8192;

struct FreeSet {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, FreeSet>;

CpuSet empty_set() {
  CpuSet set(CPU_ALLOC(kMaxCpus));
  CPU_ZERO_S(CPU_ALLOC_SIZE(kMaxCpus), set.get());
  return set;
}

}  // namespace

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  const CpuSet set = empty_set();
  const std::size_t bytes = CPU_ALLOC_SIZE(kMaxCpus);
  if (sched_getaffinity(0, bytes, set.get()) != 0) return {0};
  for (int cpu = 0; cpu < kMaxCpus; ++cpu)
    if (CPU_ISSET_S(cpu, bytes, set.get())) cpus.push_back(cpu);
  return cpus;
}

Result<void> pin_this_thread(int cpu) {
  const CpuSet set = empty_set();
  const std::size_t bytes = CPU_ALLOC_SIZE(kMaxCpus);
  if (cpu >= 0 && cpu < kMaxCpus) CPU_SET_S(cpu, bytes, set.get());
  if (sched_setaffinity(0, bytes, set.get()) == 0) return {};
  std::string allowed;
  for (int c : allowed_cpus()) allowed += (allowed.empty() ? "" : " ") + std::to_string(c);
  return Error{"cpu " + std::to_string(cpu) + ": cannot be used: " + std::strerror(errno) +
               "; this process may use: " + allowed};
}

int numa_node_of(int cpu) {
  std::error_code error;
  const std::filesystem::path folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("node")) return std::atoi(name.c_str() + 4);
  }
  return 0;
}

}  // namespace fulcrum
