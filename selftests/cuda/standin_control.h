// SPDX-License-Identifier: MIT
// standin_control.h - a test's hand on the stand-in CUDA driver: faults, delays, counters, kernels.
//
// The stand-in exports these beside the driver's own names; a test finds them
// with dlsym. Faults can also be given in the environment, for whole programs:
//     FULCRUM_STANDIN=launch_ns=2000000,hang_at=40
//
// Knobs (…_at: the n-th call from when it is set; 0: never; …_error: the code):
//   devices            how many there are (1)
//   cc                 compute capability (90)
//   memory_bytes       of each device (1 GiB)
//   map_host           devices can map host memory (1)
//   init_error         of cuInit
//   retain_error       of cuDevicePrimaryCtxRetain
//   oom_at             cuMemAlloc: out of memory
//   host_oom_at        cuMemHostAlloc: out of memory
//   register_error     of cuMemHostRegister
//   module_error       of cuModuleLoadDataEx, with a compiler's log
//   launch_error_at    cuLaunchKernel refuses with launch_error (701)
//   fault_at           the n-th kernel that runs ends with fault_error (700), which is sticky
//   copy_error_at      cuMemcpyHtoDAsync says copy_error (719), which is sticky
//   hang_at            the n-th recorded event never happens
//   flip_at            the n-th copy out has one bit wrong
//   release_hangs      cuDevicePrimaryCtxRelease never returns
//   stays_broken       a broken context is as broken after it was released
//   copy_ns_per_kb, launch_ns    how long things take
//
// Counters: memory host registered streams events modules contexts (alive now),
// in_bytes out_bytes within_bytes launches, parallel (most streams at work at
// once), pageable (copies from or to memory that is not pinned), violations
// (addresses that are not the device's; calls without a context).
#pragma once

#include "fulcrum/kernel.h"

extern "C" {
// Ends all that runs, frees all, sets every knob to its default. Kernels stay.
void standin_reset();
// Returns 0, or -1: no such knob.
int standin_set(const char* knob, long long value);
long long standin_get(const char* counter);
// What cuModuleGetFunction(NAME) finds. Without: PLUGIN::NAME_v2 of any loaded plugin.
void standin_kernel(const char* name, fulcrum::KernelFn run);
}
