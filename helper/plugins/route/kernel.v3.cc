// SPDX-License-Identifier: MIT
// kernel.v3.cc - the route lookup for x86-64-v3 (AVX2).
#include "launch.h"

void fulcrum::route::lookup_v3(const KernelArgs& args) noexcept { launch(args); }
