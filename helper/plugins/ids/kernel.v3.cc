// SPDX-License-Identifier: MIT
// kernel.v3.cc - the pattern search for x86-64-v3 (AVX2).
#include "kernel.h"

#include "match.core.h"

void fulcrum::ids::match_v3(const KernelArgs& args) noexcept { match_run(args); }
