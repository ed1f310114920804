// SPDX-License-Identifier: MIT
// plugin.cc - what the nat plugin offers.
#include "nat44.h"

namespace {

using namespace fulcrum;

const ElementClass kElements[] = {nat::kNat44Class};

}  // namespace

FULCRUM_PLUGIN(nat) = {.abi = kPluginAbi,
                       .name = "nat",
                       .version = "1.0",
                       .elements = kElements,
                       .summary = "network address translation for IPv4"};
