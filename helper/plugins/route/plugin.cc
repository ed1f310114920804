// SPDX-License-Identifier: MIT
// plugin.cc - what the route plugin offers.
#include "ip_lookup.h"

namespace {

using namespace fulcrum;

namespace ip_lookup {
#include "manual/plugins/route/ip_lookup.h"
}

constexpr OutputSpec kLookupOutputs[] = {
    {"routed", Unconnected::kError, nullptr},
    {"no_route", Unconnected::kKernel, "no_route"},
};

const ElementClass kElements[] = {{
    .name = "IPLookup",
    .synopsis = "IPLookup(FIB kernel | FIB FILE)",
    .summary = "longest-prefix routing of IPv4 and IPv6, by the kernel's routes or a file's",
    .inputs = 1,
    .outputs = kLookupOutputs,
    .make = []() -> std::unique_ptr<Element> { return std::make_unique<route::IpLookup>(); },
    .manual = ip_lookup::kManual,
}};

}  // namespace

FULCRUM_PLUGIN(route) = {kPluginAbi, "route", "1.0", kElements};
