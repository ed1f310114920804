// SPDX-License-Identifier: MIT
// pieces_testing.h - for tests: the pieces of the kernels as built for one instruction set.
//
// A test file an instruction set includes pieces.h under that target and hands
// out its functions: the vectors then run on all that the CPU has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/esp/esp_table.h"

namespace fulcrum::esp::testing {

struct PieceSet {
  const char* name;
  bool supported;
  // Tag and counter blocks as on the wire; aad: 16 bytes, zeros behind.
  void (*gcm)(const esp_table&, const esp_sa&, const std::uint8_t* j0, const std::uint8_t* aad, std::uint32_t aad_bytes,
              const std::uint8_t* src, std::uint8_t* dst, std::uint32_t bytes, bool opens, std::uint8_t* tag);
  void (*ctr)(const esp_table&, const esp_sa&, const std::uint8_t* first, const std::uint8_t* src, std::uint8_t* dst,
              std::uint32_t bytes);
  // HMACs of `count` messages, 20 bytes each.
  void (*hmac)(const esp_sa* const* sa, const std::vector<std::uint8_t>* message, std::uint32_t count,
               std::uint8_t (*digest)[20]);
};

PieceSet pieces_v2();
PieceSet pieces_v3();
PieceSet pieces_v3_shani();
PieceSet pieces_v4();
PieceSet pieces_v4_vaes();

}  // namespace fulcrum::esp::testing
