// SPDX-License-Identifier: MIT
// plugin.cc - what the route plugin offers.
#include "ip_lookup.h"
#include "kernel.h"

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

constexpr const KernelDecl* kKernels[] = {&route::kLookupKernel};
constexpr const char* kTables[] = {"routes: poptrie of IPv4 and IPv6 prefixes", "neighbours: link-layer addresses"};

}  // namespace

FULCRUM_PLUGIN(route) = {
    .abi = kPluginAbi,
    .name = "route",
    .version = "1.0",
    .elements = kElements,
    .summary = "IP forwarding by the kernel's routes or a file's",
    .kernels = kKernels,
    .tables = kTables,
    .inline_object = "inline_route.bpf.o",
};
