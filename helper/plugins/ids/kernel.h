// SPDX-License-Identifier: MIT
// kernel.h - the pattern search as devices call it.
#pragma once

#include "fulcrum/kernel.h"

FU_DECLARE_KERNEL(ids, payload_match)

namespace fulcrum::ids {

// Table: match_table.h. Result: number of the lowest pattern in the payload, plus 1; 0: none.
inline constexpr KernelDecl kMatchKernel{.name = "payload_match",
                                         .read = {PacketRange::kPayload},
                                         .cpu = FU_CPU_CODE(payload_match),
                                         .opencl = payload_match_opencl,
                                         .cuda = payload_match_cuda};

}  // namespace fulcrum::ids
