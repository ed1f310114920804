// SPDX-License-Identifier: MIT
// code_range.h - addresses that a shared object takes, to tell what is its.
#pragma once

#include <cstdint>

namespace fulcrum {

struct CodeRange {
  std::uintptr_t begin = 0, end = 0;
  bool has(const void* at) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(at);
    return address >= begin && address < end;
  }
};

}  // namespace fulcrum
