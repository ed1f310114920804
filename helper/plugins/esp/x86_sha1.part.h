/* SPDX-License-Identifier: MIT */
/* x86_sha1.part.h - SHA-1 of 8 or 16 messages side by side, and of one by SHA-NI. Constant-time. */

#if FU_ESP_X86 >= ESP_X86_KNL
#define ESP_LANES 16
typedef fu_u32 esp_v __attribute__((vector_size(64)));
#define ESP_V_LOGIC(x, y, z, f) (esp_v) _mm512_ternarylogic_epi32((__m512i)(x), (__m512i)(y), (__m512i)(z), f)
FU_FN esp_v esp_sha1_ch(esp_v b, esp_v c, esp_v d) { return ESP_V_LOGIC(b, c, d, 0xca); }
FU_FN esp_v esp_sha1_parity(esp_v b, esp_v c, esp_v d) { return ESP_V_LOGIC(b, c, d, 0x96); }
FU_FN esp_v esp_sha1_maj(esp_v b, esp_v c, esp_v d) { return ESP_V_LOGIC(b, c, d, 0xe8); }
FU_FN esp_v esp_v_swap(esp_v x) {
#if FU_ESP_X86 >= ESP_X86_V4
  const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  return (esp_v)_mm512_shuffle_epi8((__m512i)x, _mm512_broadcast_i32x4(order));
#else
  const esp_v mask = (esp_v)_mm512_set1_epi32(0x00ff00ff);
  return ESP_V_LOGIC(mask, x << 8 | x >> 24, x << 24 | x >> 8, 0xca);
#endif
}
/* 16 bytes of four lanes, of four apart each */
FU_FN esp_v esp_v_rows(const fu_u8* const* at, int j, fu_u32 off) {
  __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i*)(at[j] + off)));
  v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i*)(at[j + 4] + off)), 1);
  v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i*)(at[j + 8] + off)), 2);
  return (esp_v)_mm512_inserti32x4(v, _mm_loadu_si128((const __m128i*)(at[j + 12] + off)), 3);
}
#define ESP_V_UNPACK(name, bits, x, y) (esp_v) _mm512_##name##_epi##bits((__m512i)(x), (__m512i)(y))
#else
#define ESP_LANES 8
typedef fu_u32 esp_v __attribute__((vector_size(32)));
FU_FN esp_v esp_sha1_ch(esp_v b, esp_v c, esp_v d) { return d ^ (b & (c ^ d)); }
FU_FN esp_v esp_sha1_parity(esp_v b, esp_v c, esp_v d) { return b ^ c ^ d; }
FU_FN esp_v esp_sha1_maj(esp_v b, esp_v c, esp_v d) { return (b & c) | (d & (b | c)); }
FU_FN esp_v esp_v_swap(esp_v x) {
  const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  return (esp_v)_mm256_shuffle_epi8((__m256i)x, _mm256_broadcastsi128_si256(order));
}
FU_FN esp_v esp_v_rows(const fu_u8* const* at, int j, fu_u32 off) {
  const __m256i v = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i*)(at[j] + off)));
  return (esp_v)_mm256_inserti128_si256(v, _mm_loadu_si128((const __m128i*)(at[j + 4] + off)), 1);
}
#define ESP_V_UNPACK(name, bits, x, y) (esp_v) _mm256_##name##_epi##bits((__m256i)(x), (__m256i)(y))
#endif
FU_FN esp_v esp_rotl(esp_v x, int n) { return x << n | x >> (32 - n); }

typedef struct esp_v5 {
  esp_v a, b, c, d, e;
} esp_v5;

/* Words 4g … 4g + 3 of every lane's block. */
FU_FN void esp_v_words(const fu_u8* const* at, fu_u32 g, esp_v w[4]) {
  const esp_v r0 = esp_v_rows(at, 0, 16 * g), r1 = esp_v_rows(at, 1, 16 * g);
  const esp_v r2 = esp_v_rows(at, 2, 16 * g), r3 = esp_v_rows(at, 3, 16 * g);
  const esp_v a = ESP_V_UNPACK(unpacklo, 32, r0, r1), b = ESP_V_UNPACK(unpackhi, 32, r0, r1);
  const esp_v c = ESP_V_UNPACK(unpacklo, 32, r2, r3), d = ESP_V_UNPACK(unpackhi, 32, r2, r3);
  w[0] = esp_v_swap(ESP_V_UNPACK(unpacklo, 64, a, c));
  w[1] = esp_v_swap(ESP_V_UNPACK(unpackhi, 64, a, c));
  w[2] = esp_v_swap(ESP_V_UNPACK(unpacklo, 64, b, d));
  w[3] = esp_v_swap(ESP_V_UNPACK(unpackhi, 64, b, d));
}

/* `blocks` of every lane; at[] moves on by step[] a block. */
FU_FN esp_v5 esp_v_sha1(esp_v5 s, const fu_u8** at, const fu_u32* step, fu_u32 blocks) {
  for (; blocks; --blocks) {
    esp_v w[16];
#pragma GCC unroll 4
    for (fu_u32 g = 0; g < 4; ++g) esp_v_words(at, g, w + 4 * g);
#pragma GCC unroll 16
    for (int i = 0; i < ESP_LANES; ++i) at[i] += step[i];
#define ESP_W(i) w[i]
    ESP_SHA1_BLOCK(esp_v, s, ESP_W)
#undef ESP_W
  }
  return s;
}

#define ESP_SHANI __attribute__((target("sha")))
FU_FN int esp_shani_supported(void) { return __builtin_cpu_supports("sha"); }

/* Rounds 4g … 4g + 3: `now` is the words' register, the next ones follow in order. */
#define ESP_SHANI_4(g, e, other, now, next, third, before)             \
  e = (g) == 0 ? _mm_add_epi32(e, now) : _mm_sha1nexte_epu32(e, now);  \
  other = abcd;                                                        \
  if ((g) >= 3 && (g) <= 18) next = _mm_sha1msg2_epu32(next, now);     \
  abcd = _mm_sha1rnds4_epu32(abcd, e, (g) / 5);                        \
  if ((g) >= 1 && (g) <= 16) before = _mm_sha1msg1_epu32(before, now); \
  if ((g) >= 2 && (g) <= 17) third = _mm_xor_si128(third, now);
#define ESP_SHANI_16(g)                        \
  ESP_SHANI_4(g, e0, e1, m0, m1, m2, m3)       \
  ESP_SHANI_4((g) + 1, e1, e0, m1, m2, m3, m0) \
  ESP_SHANI_4((g) + 2, e0, e1, m2, m3, m0, m1) \
  ESP_SHANI_4((g) + 3, e1, e0, m3, m0, m1, m2)

FU_FN ESP_SHANI esp_words5 esp_shani_sha1(esp_words5 s, const fu_u8* at, fu_u32 blocks) {
  const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m128i abcd = _mm_set_epi32((int)s.a, (int)s.b, (int)s.c, (int)s.d), e0 = _mm_set_epi32((int)s.e, 0, 0, 0), e1;
  for (; blocks; --blocks, at += 64) {
    const __m128i was = abcd, e_was = e0;
    __m128i m0 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i*)at), order);
    __m128i m1 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i*)at + 1), order);
    __m128i m2 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i*)at + 2), order);
    __m128i m3 = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i*)at + 3), order);
    ESP_SHANI_16(0)
    ESP_SHANI_16(4)
    ESP_SHANI_16(8)
    ESP_SHANI_16(12)
    ESP_SHANI_16(16)
    e0 = _mm_sha1nexte_epu32(e0, e_was);
    abcd = _mm_add_epi32(abcd, was);
  }
  s.a = (fu_u32)_mm_extract_epi32(abcd, 3), s.b = (fu_u32)_mm_extract_epi32(abcd, 2);
  s.c = (fu_u32)_mm_extract_epi32(abcd, 1), s.d = (fu_u32)_mm_extract_epi32(abcd, 0);
  s.e = (fu_u32)_mm_extract_epi32(e0, 3);
  return s;
}
