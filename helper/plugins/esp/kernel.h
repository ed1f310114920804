// SPDX-License-Identifier: MIT
// kernel.h - the declarations of the plugin's kernels.
#pragma once

#include "fulcrum/kernel.h"

namespace fulcrum::esp {

extern const KernelDecl kEncapKernel;
extern const KernelDecl kDecapKernel;

// In columns, as the kernels read them.
struct EncapIn {
  std::uint32_t slot, seq_hi, seq_lo, iv_hi, iv_lo;
};
struct DecapIn {
  std::uint32_t slot, seq_hi, esp_off;
};
// Out columns of decap.
struct DecapOut {
  std::uint32_t slot, seq_hi, seq_lo;
};

}  // namespace fulcrum::esp
