// SPDX-License-Identifier: MIT
// launch.h - body of the launchers: kernel arguments -> the core's packets.
#pragma once

#include "kernel.h"
#include "route.core.h"

namespace fulcrum::route {
namespace {

inline void launch(const KernelArgs& a) {
  if (!a.table) {
    for (std::uint32_t k = 0; k < a.count; ++k) a.result[k] = 0;
    return;
  }
  lpm_lookup(
      a.table, a.count,
      [&](std::uint32_t k) {
        return LpmPacket{a.base + a.offset[k], a.length[k]};
      },
      a.result);
}

}  // namespace
}  // namespace fulcrum::route
