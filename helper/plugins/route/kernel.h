// SPDX-License-Identifier: MIT
// kernel.h - the route lookup as devices and the element call it.
#pragma once

#include "fulcrum/kernel.h"

FU_DECLARE_KERNEL(route, route_lookup)

namespace fulcrum::route {

// Table: lpm_table.h. Result: tag and next hop, 0 no route.
inline constexpr KernelDecl kLookupKernel{.name = "route_lookup",
                                          .read = {PacketRange::kL3Header, 40},
                                          .cpu = FU_CPU_CODE(route_lookup),
                                          .opencl = route_lookup_opencl,
                                          .cuda = route_lookup_cuda};

}  // namespace fulcrum::route
