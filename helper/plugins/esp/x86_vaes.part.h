/* SPDX-License-Identifier: MIT */
/* x86_vaes.part.h - the same as x86_aes and x86_gcm, four blocks a register. Constant-time.
 *
 * For CPUs with VAES and VPCLMULQDQ; which have them is known at run time only.
 */
#if FU_ESP_X86 >= ESP_X86_V4
#define ESP_VAES __attribute__((target("vaes,vpclmulqdq")))
#define ESP_HAVE_VAES 1

FU_FN int esp_vaes_supported(void) { return __builtin_cpu_supports("vaes") && __builtin_cpu_supports("vpclmulqdq"); }

FU_FN __m512i esp_x86_reverse4(__m512i v) {
  return _mm512_shuffle_epi8(
      v, _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
}
FU_FN __m512i esp_x86_key4(const esp_sa* sa, fu_u32 r) { return _mm512_broadcast_i32x4(((const __m128i*)sa->key)[r]); }
FU_FN __m512i esp_x86_xor3(__m512i a, __m512i b, __m512i c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }

/* 4 * n blocks, n <= 4, of counter mode's stream. */
#define ESP_VAES_ROUND(r)                                                                       \
  {                                                                                             \
    const __m512i key = esp_x86_key4(sa, r);                                                    \
    _Pragma("GCC unroll 4") for (int i = 0; i < n; ++i) s[i] = _mm512_aesenc_epi128(s[i], key); \
  }
FU_FN ESP_VAES __attribute__((always_inline)) void esp_vaes_stream(const esp_sa* sa, __m512i* counter, __m512i* s,
                                                                   const int n) {
  const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi32(0, 0, 0, 4)), first = esp_x86_key4(sa, 0);
  const __m512i last = esp_x86_key4(sa, sa->rounds);
#pragma GCC unroll 4
  for (int i = 0; i < n; ++i) {
    s[i] = _mm512_xor_si512(esp_x86_reverse4(*counter), first);
    *counter = _mm512_add_epi32(*counter, four);
  }
  ESP_VAES_ROUND(1)
  ESP_VAES_ROUND(2)
  ESP_VAES_ROUND(3)
  ESP_VAES_ROUND(4)
  ESP_VAES_ROUND(5)
  ESP_VAES_ROUND(6)
  ESP_VAES_ROUND(7)
  ESP_VAES_ROUND(8)
  ESP_VAES_ROUND(9)
  if (sa->rounds > 10) {
    ESP_VAES_ROUND(10)
    ESP_VAES_ROUND(11)
    ESP_VAES_ROUND(12)
    ESP_VAES_ROUND(13)
  }
#pragma GCC unroll 4
  for (int i = 0; i < n; ++i) s[i] = _mm512_aesenclast_epi128(s[i], last);
}

/* Counters first + 0 … 3, byte-reversed. */
FU_FN __m512i esp_vaes_counters(__m128i first) {
  const __m512i step = _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0);
  return _mm512_add_epi32(_mm512_broadcast_i32x4(esp_x86_reverse(first)), step);
}

/* The bytes of 64 at `at` that are in front of `bytes`. */
FU_FN __mmask64 esp_x86_mask(fu_u32 at, fu_u32 bytes) {
  return at >= bytes ? 0 : bytes - at >= 64 ? ~0ull : (1ull << (bytes - at)) - 1;
}

FU_FN ESP_VAES void esp_vaes_ctr(const esp_sa* sa, __m128i first, const fu_u8* src, fu_u8* dst, fu_u32 bytes) {
  __m512i counter = esp_vaes_counters(first), s[4];
  fu_u32 at = 0;
  for (; at + 256 <= bytes; at += 256) {
    esp_vaes_stream(sa, &counter, s, 4);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
      _mm512_storeu_si512(dst + at + 64 * i, _mm512_xor_si512(s[i], _mm512_loadu_si512(src + at + 64 * i)));
  }
  for (; at < bytes; at += 128) {
    esp_vaes_stream(sa, &counter, s, 2);
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const __mmask64 here = esp_x86_mask(at + 64 * (fu_u32)i, bytes);
      const __m512i in = _mm512_maskz_loadu_epi8(here, src + at + 64 * i);
      _mm512_mask_storeu_epi8(dst + at + 64 * i, here, _mm512_xor_si512(s[i], in));
    }
  }
}

typedef struct esp_product4 {
  __m512i lo, mi, hi;
} esp_product4;

FU_FN ESP_VAES __attribute__((always_inline)) void esp_vaes_multiply(esp_product4* p, __m512i x, __m512i h) {
  p->lo = _mm512_xor_si512(p->lo, _mm512_clmulepi64_epi128(x, h, 0x00));
  p->mi = esp_x86_xor3(p->mi, _mm512_clmulepi64_epi128(x, h, 0x01), _mm512_clmulepi64_epi128(x, h, 0x10));
  p->hi = _mm512_xor_si512(p->hi, _mm512_clmulepi64_epi128(x, h, 0x11));
}

FU_FN __m128i esp_x86_fold4(__m512i v) {
  const __m256i half = _mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
  return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

FU_FN __m128i esp_vaes_reduce(esp_product4 p) {
  esp_product one;
  one.lo = esp_x86_fold4(p.lo), one.mi = esp_x86_fold4(p.mi), one.hi = esp_x86_fold4(p.hi);
  return esp_x86_reduce(one);
}

FU_FN esp_product4 esp_vaes_nothing(void) {
  esp_product4 p;
  p.lo = p.mi = p.hi = _mm512_setzero_si512();
  return p;
}

/* H^n, H^(n-1), … in one register; behind H^1 anything. */
FU_FN __m512i esp_vaes_powers(const esp_sa* sa, fu_u32 n) { return _mm512_loadu_si512(sa->h_power[ESP_POWERS - n]); }

/* Blocks at `at` to the end, at most 256 bytes: into p, `left` blocks to go, y for the first. */
FU_FN ESP_VAES __attribute__((always_inline)) void esp_vaes_tail(const esp_sa* sa, esp_product4* p, __m512i* counter,
                                                                 __m512i y, const fu_u8* src, fu_u8* dst, fu_u32 bytes,
                                                                 fu_u32 left, int opens, const int n) {
  __m512i s[4];
  esp_vaes_stream(sa, counter, s, n);
#pragma GCC unroll 4
  for (int i = 0; i < n; ++i) {
    const __mmask64 here = esp_x86_mask(64 * (fu_u32)i, bytes);
    const __m512i in = _mm512_maskz_loadu_epi8(here, src + 64 * i);
    const __m512i out = _mm512_maskz_mov_epi8(here, _mm512_xor_si512(s[i], in));
    __m512i x = esp_x86_reverse4(opens ? in : out);
    _mm512_mask_storeu_epi8(dst + 64 * i, here, out);
    if (i == 0) x = _mm512_xor_si512(x, y);
    if (4 * (fu_u32)i < left) esp_vaes_multiply(p, x, esp_vaes_powers(sa, left - 4 * (fu_u32)i));
  }
}

FU_FN ESP_VAES __m128i esp_vaes_gcm(const esp_sa* sa, __m128i j0, __m128i aad, fu_u32 aad_bytes, const fu_u8* src,
                                    fu_u8* dst, fu_u32 bytes, int opens) {
  const __m128i tag_stream = esp_x86_encrypt(sa, j0);
  __m128i y = esp_x86_start(sa, aad),
          lengths = _mm_set_epi64x((long long)(8 * (fu_u64)aad_bytes), (long long)(8 * (fu_u64)bytes));
  __m512i counter = _mm512_add_epi32(esp_vaes_counters(j0), _mm512_broadcast_i32x4(_mm_set_epi32(0, 0, 0, 1)));
  esp_product4 p;
  fu_u32 at = 0;
  for (; at + 256 <= bytes; at += 256) {
    __m512i s[4];
    p = esp_vaes_nothing();
    esp_vaes_stream(sa, &counter, s, 4);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m512i in = _mm512_loadu_si512(src + at + 64 * i);
      const __m512i out = _mm512_xor_si512(s[i], in);
      __m512i x = esp_x86_reverse4(opens ? in : out);
      _mm512_storeu_si512(dst + at + 64 * i, out);
      if (i == 0) x = _mm512_xor_si512(x, _mm512_zextsi128_si512(y));
      esp_vaes_multiply(&p, x, esp_vaes_powers(sa, 16 - 4 * (fu_u32)i));
    }
    y = esp_vaes_reduce(p);
  }
  p = esp_vaes_nothing();
  if (at < bytes) {
    const fu_u32 left = (bytes - at + 15) / 16 + 1;
    const __m512i first = _mm512_zextsi128_si512(y);
    if (bytes - at <= 128)
      esp_vaes_tail(sa, &p, &counter, first, src + at, dst + at, bytes - at, left, opens, 2);
    else
      esp_vaes_tail(sa, &p, &counter, first, src + at, dst + at, bytes - at, left, opens, 4);
  } else {
    lengths = _mm_xor_si128(lengths, y);
  }
  esp_vaes_multiply(&p, _mm512_zextsi128_si512(lengths), _mm512_zextsi128_si512(esp_x86_power(sa, 1)));
  return _mm_xor_si128(esp_x86_reverse(esp_vaes_reduce(p)), tag_stream);
}
#else
FU_FN int esp_vaes_supported(void) { return 0; }
#endif
