// SPDX-License-Identifier: MIT
// kernel.cc - the route lookup for x86-64-v2, the baseline.
#include "launch.h"

void fulcrum::route::lookup_v2(const KernelArgs& args) noexcept { launch(args); }
