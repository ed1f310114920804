// SPDX-License-Identifier: MIT
// kernel.h - the route lookup as devices call it.
#pragma once

#include "fulcrum/kernel.h"

namespace fulcrum::route {

void lookup_v2(const KernelArgs& args) noexcept;
void lookup_v3(const KernelArgs& args) noexcept;
void lookup_v4(const KernelArgs& args) noexcept;

// Reads at most the 40 bytes from L3 on; writes route.core.h's results.
inline constexpr KernelDecl kLookupKernel{"route_lookup", PacketRange::kL3Header, 40, lookup_v2, lookup_v3, lookup_v4};

}  // namespace fulcrum::route
