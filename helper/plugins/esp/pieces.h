/* SPDX-License-Identifier: MIT */
/* pieces.h - all pieces of the ESP kernels, in order, for the language and processor at hand. */
#ifndef FULCRUM_ESP_PIECES_H
#define FULCRUM_ESP_PIECES_H

#include "plugins/esp/esp_table.h"
#define ESP_X86_V3 3
#define ESP_X86_KNL 4
#define ESP_X86_V4 5
/* What of x86 the code may use: by the compiler's flags, or as a test that sets a target itself says. */
#if defined(FU_LANG_OPENCL) || defined(__CUDACC__)
#undef FU_ESP_X86
#elif !defined(FU_ESP_X86)
#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define FU_ESP_X86 ESP_X86_V4
#elif defined(__AVX512F__)
#define FU_ESP_X86 ESP_X86_KNL
#elif defined(__AES__) && defined(__PCLMUL__) && defined(__AVX2__)
#define FU_ESP_X86 ESP_X86_V3
#endif
#endif
#if defined(FU_ESP_X86)
/* GCC 12 takes the undefined operand of its own intrinsics for a mistake (PR 105593). */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

FU_CODE_BEGIN(esp)
/* In this order: later ones use earlier ones. */
// clang-format off
#include "plugins/esp/aes.part.h"
#include "plugins/esp/frame.part.h"
#include "plugins/esp/ghash.part.h"
#include "plugins/esp/sha1.part.h"
#include "plugins/esp/seal.part.h"
#ifdef FU_ESP_X86
#include "plugins/esp/x86_aes.part.h"
#include "plugins/esp/x86_gcm.part.h"
#include "plugins/esp/x86_vaes.part.h"
#include "plugins/esp/x86_sha1.part.h"
#include "plugins/esp/x86_hmac.part.h"
#endif
// clang-format on
FU_CODE_END

#endif
