// SPDX-License-Identifier: MIT
// kernel.h - the pattern search as devices call it.
#pragma once

#include "fulcrum/kernel.h"

namespace fulcrum::ids {

void match_v2(const KernelArgs& args) noexcept;
void match_v3(const KernelArgs& args) noexcept;
void match_v4(const KernelArgs& args) noexcept;

// result: number of the lowest pattern in the payload, plus 1; 0: none.
inline constexpr KernelDecl kMatchKernel{"payload_match", PacketRange::kPayload, 0, match_v2, match_v3, match_v4};

}  // namespace fulcrum::ids
