// SPDX-License-Identifier: MIT
// pieces_v4_test.cc - the pieces by AVX-512, without and with VAES, for the vectors of pieces_test.cc.
#include "plugins/esp/pieces_testing.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,bmi,bmi2,aes,pclmul")
#define FU_ESP_X86 ESP_X86_V4
#include "plugins/esp/pieces.h"
#include "plugins/esp/pieces_x86_testing.h"
#pragma GCC pop_options

#include "fulcrum/isa.h"

namespace fulcrum::esp::testing {

PieceSet pieces_v4() { return pieces<ESP_AVOID_VAES | ESP_AVOID_SHANI>("v4", isa_supported(Isa::kV4)); }
PieceSet pieces_v4_vaes() {
  return pieces<ESP_AVOID_SHANI>(
      "v4, VAES", isa_supported(Isa::kV4) && __builtin_cpu_supports("vaes") && __builtin_cpu_supports("vpclmulqdq"));
}

}  // namespace fulcrum::esp::testing
