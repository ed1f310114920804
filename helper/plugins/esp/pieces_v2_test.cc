// SPDX-License-Identifier: MIT
// pieces_v2_test.cc - the portable pieces, for the vectors of pieces_test.cc.
#include "plugins/esp/pieces.h"
#include "plugins/esp/pieces_testing.h"

namespace fulcrum::esp::testing {
namespace {

esp_words4 words(const std::uint8_t* p) { return esp_load_block(p, 16); }

void gcm(const esp_table& table, const esp_sa& sa, const std::uint8_t* j0, const std::uint8_t* aad,
         std::uint32_t aad_bytes, const std::uint8_t* src, std::uint8_t* dst, std::uint32_t bytes, bool opens,
         std::uint8_t* tag) {
  esp_store_block(tag, esp_gcm(&table, &sa, words(j0), words(aad), aad_bytes, src, dst, bytes, opens), 16);
}

void ctr(const esp_table& table, const esp_sa& sa, const std::uint8_t* first, const std::uint8_t* src,
         std::uint8_t* dst, std::uint32_t bytes) {
  esp_ctr(&table, &sa, words(first), src, dst, bytes);
}

void hmac(const esp_sa* const* sa, const std::vector<std::uint8_t>* message, std::uint32_t count,
          std::uint8_t (*digest)[20]) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const esp_message m{message[i].data(), static_cast<std::uint32_t>(message[i].size()), 0, 0};
    const esp_words5 d = esp_hmac(sa[i], &m);
    esp_store_block(digest[i], {d.a, d.b, d.c, d.d}, 16);
    fu_store_be32(digest[i] + 16, d.e);
  }
}

}  // namespace

PieceSet pieces_v2() { return {"v2", true, gcm, ctr, hmac}; }

}  // namespace fulcrum::esp::testing
