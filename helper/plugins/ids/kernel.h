// SPDX-License-Identifier: MIT
// kernel.h - the pattern search as devices call it.
#pragma once

#include "fulcrum/kernel.h"
#include "match_table.h"

FU_DECLARE_KERNEL(ids, payload_match)
FU_DECLARE_KERNEL(ids, payload_match_all)

namespace fulcrum::ids {

// Table: match_table.h. Result: number of the lowest pattern in the payload, plus 1; 0: none.
inline constexpr KernelDecl kMatchKernel{.name = "payload_match",
                                         .read = {PacketRange::kPayload},
                                         .cpu = FU_CPU_CODE(payload_match),
                                         .opencl = payload_match_opencl,
                                         .cuda = payload_match_cuda};

// The same, and columns: number of matches, then as many pairs of pattern (from 0)
// and end (bytes of the payload up to it), by end and then pattern. A number above
// MATCH_LISTED says that there are more than the columns hold, and nothing else.
inline constexpr KernelDecl kMatchAllKernel{.name = "payload_match_all",
                                            .read = {PacketRange::kPayload},
                                            .out_bytes = 4 + 8 * MATCH_LISTED,
                                            .cpu = FU_CPU_CODE(payload_match_all),
                                            .opencl = payload_match_all_opencl,
                                            .cuda = payload_match_all_cuda};

}  // namespace fulcrum::ids
