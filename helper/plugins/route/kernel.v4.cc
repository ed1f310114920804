// SPDX-License-Identifier: MIT
// kernel.v4.cc - the route lookup for x86-64-v4 (AVX-512).
#include "launch.h"

void fulcrum::route::lookup_v4(const KernelArgs& args) noexcept { launch(args); }
