// SPDX-License-Identifier: MIT
// kernel.v4.cc - the pattern search for x86-64-v4 (AVX-512).
#include "kernel.h"

#include "match.core.h"

void fulcrum::ids::match_v4(const KernelArgs& args) noexcept { match_run(args); }
