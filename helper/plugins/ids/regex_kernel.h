// SPDX-License-Identifier: MIT
// regex_kernel.h - the expression search as devices call it.
#pragma once

#include "fulcrum/kernel.h"

FU_DECLARE_KERNEL(ids, regex_match)

namespace fulcrum::ids {

// result: number of the lowest expression that matches, from 1; 0: none.
inline constexpr KernelDecl kRegexKernel{
    .name = "regex_match",
    .read = {.range = PacketRange::kPayload},
    .cpu = FU_CPU_CODE(regex_match),
    .opencl = regex_match_opencl,
    .cuda = regex_match_cuda,
};

}  // namespace fulcrum::ids
