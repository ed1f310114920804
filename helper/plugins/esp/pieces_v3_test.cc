// SPDX-License-Identifier: MIT
// pieces_v3_test.cc - the pieces by AES-NI, PCLMULQDQ and AVX2, for the vectors of pieces_test.cc.
#include "plugins/esp/pieces_testing.h"

#pragma GCC push_options
#pragma GCC target("avx2,bmi,bmi2,aes,pclmul")
#define FU_ESP_X86 ESP_X86_V3
#include "plugins/esp/pieces.h"
#include "plugins/esp/pieces_x86_testing.h"
#pragma GCC pop_options

#include "fulcrum/isa.h"

namespace fulcrum::esp::testing {

PieceSet pieces_v3() { return pieces<ESP_AVOID_SHANI>("v3", isa_supported(Isa::kV3)); }
PieceSet pieces_v3_shani() { return pieces<0>("v3, SHA-NI", isa_supported(Isa::kV3) && __builtin_cpu_supports("sha")); }

}  // namespace fulcrum::esp::testing
