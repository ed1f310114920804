/* SPDX-License-Identifier: MIT */
/* x86_gcm.part.h - AES-GCM by AES-NI and carry-less multiplication, eight blocks a reduction. Constant-time.
 *
 * Blocks are byte-reversed; powers of H come times x^-1, so that products need no
 * shift (S. Gueron, M. Kounavis: Intel carry-less multiplication and GCM).
 */

typedef struct esp_product {
  __m128i lo, mi, hi;
} esp_product;

FU_FN void esp_x86_multiply(esp_product* p, __m128i x, __m128i h) {
  p->lo = _mm_xor_si128(p->lo, _mm_clmulepi64_si128(x, h, 0x00));
  p->mi = _mm_xor_si128(p->mi, _mm_xor_si128(_mm_clmulepi64_si128(x, h, 0x01), _mm_clmulepi64_si128(x, h, 0x10)));
  p->hi = _mm_xor_si128(p->hi, _mm_clmulepi64_si128(x, h, 0x11));
}

FU_FN __m128i esp_x86_reduce(esp_product p) {
  const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000ull, 1);
  p.mi = _mm_xor_si128(p.mi, _mm_xor_si128(_mm_clmulepi64_si128(poly, p.lo, 0x01), _mm_shuffle_epi32(p.lo, 0x4e)));
  return _mm_xor_si128(p.hi, _mm_xor_si128(_mm_clmulepi64_si128(poly, p.mi, 0x01), _mm_shuffle_epi32(p.mi, 0x4e)));
}

FU_FN esp_product esp_x86_nothing(void) {
  esp_product p;
  p.lo = p.mi = p.hi = _mm_setzero_si128();
  return p;
}

/* H^n */
FU_FN __m128i esp_x86_power(const esp_sa* sa, fu_u32 n) { return ((const __m128i*)sa->h_power)[ESP_POWERS - n]; }

FU_FN __m128i esp_x86_start(const esp_sa* sa, __m128i aad) {
  esp_product p = esp_x86_nothing();
  esp_x86_multiply(&p, esp_x86_reverse(aad), esp_x86_power(sa, 1));
  return esp_x86_reduce(p);
}

/* src -> dst, which may be the same place; returns the tag. AAD: at most 16 bytes, zeros behind. */
FU_FN __m128i esp_x86_gcm(const esp_sa* sa, __m128i j0, __m128i aad, fu_u32 aad_bytes, const fu_u8* src, fu_u8* dst,
                          fu_u32 bytes, int opens) {
  const __m128i one = _mm_set_epi32(0, 0, 0, 1);
  __m128i y = esp_x86_start(sa, aad), counter = _mm_add_epi32(esp_x86_reverse(j0), one), stream[8];
  fu_u32 at = 0, n;
  for (; at + 128 <= bytes; at += 128) {
    esp_product p = esp_x86_nothing();
    esp_x86_stream8(sa, &counter, stream);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const __m128i in = _mm_loadu_si128((const __m128i*)(src + at) + i);
      const __m128i out = _mm_xor_si128(in, stream[i]);
      __m128i x = esp_x86_reverse(opens ? in : out);
      _mm_storeu_si128((__m128i*)(dst + at) + i, out);
      if (i == 0) x = _mm_xor_si128(x, y);
      esp_x86_multiply(&p, x, esp_x86_power(sa, 8 - (fu_u32)i));
    }
    y = esp_x86_reduce(p);
  }
  {
    esp_product p = esp_x86_nothing();
    for (n = (bytes - at + 15) / 16 + 1; n > 1; --n, at += 16) {
      const __m128i x = esp_x86_reverse(esp_x86_block(sa, counter, src + at, dst + at, bytes - at, opens));
      counter = _mm_add_epi32(counter, one);
      esp_x86_multiply(&p, _mm_xor_si128(x, y), esp_x86_power(sa, n));
      y = _mm_setzero_si128();
    }
    y = _mm_xor_si128(y, _mm_set_epi64x((long long)(8 * (fu_u64)aad_bytes), (long long)(8 * (fu_u64)bytes)));
    esp_x86_multiply(&p, y, esp_x86_power(sa, 1));
    return _mm_xor_si128(esp_x86_reverse(esp_x86_reduce(p)), esp_x86_encrypt(sa, j0));
  }
}
