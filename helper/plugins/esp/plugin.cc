// SPDX-License-Identifier: MIT
// plugin.cc - what the esp plugin offers.
#include "plugins/esp/decap.h"
#include "plugins/esp/encap.h"
#include "plugins/esp/kernel.h"

namespace {

using namespace fulcrum;

namespace encap {
#include "manual/plugins/esp/encap.h"
}
namespace decap {
#include "manual/plugins/esp/decap.h"
}

constexpr OutputSpec kEncapOutputs[] = {
    {"sealed", Unconnected::kError, nullptr},
    {"no_sa", Unconnected::kDrop, "no_sa"},
};
constexpr OutputSpec kDecapOutputs[] = {
    {"opened", Unconnected::kError, nullptr},
    {"bad", Unconnected::kDrop, "esp_bad"},
};

const ElementClass kElements[] = {
    {
        .name = "ESPEncap",
        .synopsis = "ESPEncap(SAS FILE [, SPI NUMBER])",
        .summary = "IP datagrams into IPsec tunnels: ESP with AES-GCM, or AES-CTR and HMAC-SHA1",
        .inputs = 1,
        .outputs = kEncapOutputs,
        .make = []() -> std::unique_ptr<Element> { return std::make_unique<esp::EspEncap>(); },
        .manual = encap::kManual,
    },
    {
        .name = "ESPDecap",
        .synopsis = "ESPDecap(SAS FILE)",
        .summary = "IP datagrams out of IPsec tunnels: authentic ones, each once",
        .inputs = 1,
        .outputs = kDecapOutputs,
        .make = []() -> std::unique_ptr<Element> { return std::make_unique<esp::EspDecap>(); },
        .manual = decap::kManual,
    },
};

constexpr const KernelDecl* kKernels[] = {&esp::kEncapKernel, &esp::kDecapKernel};
constexpr const char* kTables[] = {"security associations: keys and tunnels by SPI"};

}  // namespace

FULCRUM_PLUGIN(esp) = {
    .abi = kPluginAbi,
    .name = "esp",
    .version = "1.0",
    .elements = kElements,
    .summary = "IPsec tunnels",
    .kernels = kKernels,
    .tables = kTables,
};
