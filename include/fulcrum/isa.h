// SPDX-License-Identifier: MIT
// isa.h - instruction sets that kernels are compiled for, and which of them this CPU has.
#pragma once

#include <cstdint>

#include "fulcrum/kernel.h"

namespace fulcrum {

// x86-64 psABI levels (v3 and above with AES and PCLMULQDQ), and Xeon Phi
// (AVX-512 F and CD without BW, DQ, VL).
enum class Isa : std::uint8_t { kV2, kV3, kKnl, kV4 };
inline constexpr Isa kAllIsas[] = {Isa::kV2, Isa::kV3, Isa::kKnl, Isa::kV4};

inline const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::kV4:
      return "x86-64-v4 (AVX-512, 512 bit)";
    case Isa::kKnl:
      return "Xeon Phi (AVX-512 F and CD, 512 bit)";
    case Isa::kV3:
      return "x86-64-v3 (AVX2, 256 bit)";
    case Isa::kV2:
      break;
  }
  return "x86-64-v2 (SSE4.2, 128 bit)";
}

// CPUID and, by the builtin, whether the kernel saves the wide registers.
inline bool isa_supported(Isa isa) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt")) return false;
  if (isa == Isa::kV2) return true;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") ||
      !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul"))
    return false;
  if (isa == Isa::kV3) return true;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512cd")) return false;
  if (isa == Isa::kKnl) return true;
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

inline Isa best_isa() {
  for (Isa isa : {Isa::kV4, Isa::kKnl, Isa::kV3})
    if (isa_supported(isa)) return isa;
  return Isa::kV2;
}

// The kernel's code for `isa`, or for the next lower one that it has.
inline KernelFn kernel_for(const CpuCode& code, Isa isa) {
  if (isa == Isa::kV4 && code.v4) return code.v4;
  if (isa == Isa::kKnl && code.knl) return code.knl;
  if (isa != Isa::kV2 && code.v3) return code.v3;
  return code.v2;
}

}  // namespace fulcrum
