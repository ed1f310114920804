// SPDX-License-Identifier: MIT
// plugin.cc - what the ids plugin offers.
#include "kernel.h"
#include "payload_match.h"
#include "regex_kernel.h"
#include "regex_match.h"

namespace {

using namespace fulcrum;

namespace payload_match {
#include "manual/plugins/ids/payload_match.h"
}
namespace regex_match {
#include "manual/plugins/ids/regex_match.h"
}

constexpr OutputSpec kMatchOutputs[] = {
    {"no_match", Unconnected::kError, nullptr},
    {"match", Unconnected::kDrop, "pattern_match"},
};

constexpr OutputSpec kRegexOutputs[] = {
    {"no_match", Unconnected::kError, nullptr},
    {"match", Unconnected::kDrop, "regex_match"},
};

const ElementClass kElements[] = {
    {
        .name = "PayloadMatch",
        .synopsis = "PayloadMatch(PATTERNS \"GET /\", \"\\x00\\x01\", … | FILE PATTERNS.txt [, MATCHES lowest|all])",
        .summary = "searches payloads for many byte strings at once",
        .inputs = 1,
        .outputs = kMatchOutputs,
        .make = []() -> std::unique_ptr<Element> { return std::make_unique<ids::PayloadMatch>(); },
        .manual = payload_match::kManual,
    },
    {
        .name = "RegexMatch",
        .synopsis = "RegexMatch(PATTERNS '/GET \\/[a-z]+/i', … | FILE EXPRESSIONS.txt)",
        .summary = "searches payloads for many regular expressions at once",
        .inputs = 1,
        .outputs = kRegexOutputs,
        .make = []() -> std::unique_ptr<Element> { return std::make_unique<ids::RegexMatch>(); },
        .manual = regex_match::kManual,
    },
};

constexpr const KernelDecl* kKernels[] = {&ids::kMatchKernel, &ids::kMatchAllKernel, &ids::kRegexKernel};
constexpr const char* kTables[] = {"byte strings: Aho-Corasick automaton", "regular expressions: DFA and NFA"};

}  // namespace

FULCRUM_PLUGIN(ids) = {
    .abi = kPluginAbi,
    .name = "ids",
    .version = "1.0",
    .elements = kElements,
    .summary = "searches payloads for what should not be in them",
    .kernels = kKernels,
    .tables = kTables,
};
