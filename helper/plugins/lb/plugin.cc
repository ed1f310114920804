// SPDX-License-Identifier: MIT
// plugin.cc - what the lb plugin offers.
#include "manual/plugins/lb/load_balancer.h"
#include "plugins/lb/load_balancer.h"

namespace {

using namespace fulcrum;

constexpr OutputSpec kOutputs[] = {
    {"balanced", Unconnected::kError, nullptr},
    {"other", Unconnected::kKernel, "not_balanced"},
    {"no_backend", Unconnected::kDrop, "no_backend"},
    {"too_big", Unconnected::kDrop, "lb_too_big"},
};

const ElementClass kElements[] = {{
    .name = "LoadBalancer",
    .synopsis = "LoadBalancer(VIP ADDRESS, PROTO tcp, PORT 80, BACKEND \"ADDRESS weight N\", …, SOURCE ADDRESS)",
    .summary = "spreads the flows of a service over backends by Maglev hashing; they answer directly",
    .inputs = 1,
    .outputs = kOutputs,
    .make = []() -> std::unique_ptr<Element> { return std::make_unique<lb::LoadBalancer>(); },
    .manual = kManual,
}};

constexpr const char* kTables[] = {"maglev", "flows"};

}  // namespace

FULCRUM_PLUGIN(lb) = {.abi = kPluginAbi,
                      .name = "lb",
                      .version = "1.0",
                      .elements = kElements,
                      .summary = "layer-4 load balancing with direct return",
                      .tables = kTables};
