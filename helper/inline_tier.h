// SPDX-License-Identifier: MIT
// inline_tier.h - a port's pipeline as a BPF program, reached by tail call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fulcrum/result.h"
#include "pipeline/graph.h"
#include "port/maps.h"

namespace fulcrum {

// Loads inline_route.bpf.o for `plan` over the front-end's maps. Once in fu1_inline it
// stays there when the helper dies. `out`: ifindexes of all ports.
// Returns its descriptor, the caller's. Errors: object missing, refused by the kernel.
Result<int> load_inline_route(const std::string& bpf_dir, const Graph::InlinePlan& plan,
                              const std::vector<std::uint32_t>& out, const FrontMaps& maps);

// Why bpf_fib_lookup() would not forward what the cpu tier does; empty: it would.
std::string kernel_forwarding_refusal(const std::string& ifname, const Graph::InlinePlan& plan);

}  // namespace fulcrum
