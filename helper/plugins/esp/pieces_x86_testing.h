// SPDX-License-Identifier: MIT
// pieces_x86_testing.h - for tests: adapters to the x86 pieces, once pieces.h is there under the wanted target.
#pragma once

namespace fulcrum::esp::testing {
namespace {

inline __m128i load(const std::uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

template <std::uint32_t kAvoid>
void gcm(const esp_table&, const esp_sa& sa, const std::uint8_t* j0, const std::uint8_t* aad, std::uint32_t aad_bytes,
         const std::uint8_t* src, std::uint8_t* dst, std::uint32_t bytes, bool opens, std::uint8_t* tag) {
  const __m128i t = esp_x86_gcm_any(&sa, load(j0), load(aad), aad_bytes, src, dst, bytes, opens, kAvoid);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(tag), t);
}

template <std::uint32_t kAvoid>
void ctr(const esp_table&, const esp_sa& sa, const std::uint8_t* first, const std::uint8_t* src, std::uint8_t* dst,
         std::uint32_t bytes) {
  esp_x86_ctr_any(&sa, load(first), src, dst, bytes, kAvoid);
}

template <std::uint32_t kAvoid>
void hmac(const esp_sa* const* sa, const std::vector<std::uint8_t>* message, std::uint32_t count,
          std::uint8_t (*digest)[20]) {
  std::vector<esp_hmac_job> job(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    job[i].sa = sa[i];
    static constexpr std::uint8_t kNothing = 0;  // an empty vector may have no data at all
    const std::uint8_t* at = message[i].empty() ? &kNothing : message[i].data();
    job[i].message = {at, static_cast<std::uint32_t>(message[i].size()), 0, 0};
  }
  if constexpr (kAvoid & ESP_AVOID_SHANI)
    esp_hmac_lanes(job.data(), count);
  else
    esp_hmac_shani(job.data(), count);
  for (std::uint32_t i = 0; i < count; ++i) esp_put_state(digest[i], job[i].digest);
}

template <std::uint32_t kAvoid>
PieceSet pieces(const char* name, bool supported) {
  return {name, supported, gcm<kAvoid>, ctr<kAvoid>, hmac<kAvoid>};
}

}  // namespace
}  // namespace fulcrum::esp::testing
