// SPDX-License-Identifier: MIT
// kernel.cc - the pattern search for x86-64-v2, the baseline.
#include "kernel.h"

#include "match.core.h"

void fulcrum::ids::match_v2(const KernelArgs& args) noexcept { match_run(args); }
