/* SPDX-License-Identifier: MIT */
/* x86_aes.part.h - AES and counter mode by AES-NI, eight blocks side by side. Constant-time. */

FU_FN __m128i esp_x86_reverse(__m128i v) {
  return _mm_shuffle_epi8(v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* bytes < 16; zeros behind. */
FU_FN __m128i esp_x86_load_part(const fu_u8* p, fu_u32 bytes) {
#if FU_ESP_X86 >= ESP_X86_V4
  return _mm_maskz_loadu_epi8((__mmask16)((1u << bytes) - 1), p);
#else
  alignas(16) fu_u8 block[16] = {0};
  __builtin_memcpy(block, p, bytes);
  return _mm_load_si128((const __m128i*)block);
#endif
}

FU_FN void esp_x86_store_part(fu_u8* p, __m128i v, fu_u32 bytes) {
#if FU_ESP_X86 >= ESP_X86_V4
  _mm_mask_storeu_epi8(p, (__mmask16)((1u << bytes) - 1), v);
#else
  alignas(16) fu_u8 block[16];
  _mm_store_si128((__m128i*)block, v);
  __builtin_memcpy(p, block, bytes);
#endif
}

/* The first `bytes` < 16 of v, zeros behind. */
FU_FN __m128i esp_x86_keep(__m128i v, fu_u32 bytes) {
  const __m128i place = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  return _mm_and_si128(v, _mm_cmpgt_epi8(_mm_set1_epi8((char)bytes), place));
}

FU_FN __m128i esp_x86_encrypt(const esp_sa* sa, __m128i b) {
  const __m128i* key = (const __m128i*)sa->key;
  fu_u32 r;
  b = _mm_xor_si128(b, key[0]);
  for (r = 1; r < sa->rounds; ++r) b = _mm_aesenc_si128(b, key[r]);
  return _mm_aesenclast_si128(b, key[r]);
}

/* Eight counter blocks from `counter` on, which is byte-reversed; it moves on. */
FU_FN void esp_x86_stream8(const esp_sa* sa, __m128i* counter, __m128i stream[8]) {
  const __m128i* key = (const __m128i*)sa->key;
  const __m128i one = _mm_set_epi32(0, 0, 0, 1);
  fu_u32 r;
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    stream[i] = _mm_xor_si128(esp_x86_reverse(*counter), key[0]);
    *counter = _mm_add_epi32(*counter, one);
  }
  for (r = 1; r < sa->rounds; ++r) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) stream[i] = _mm_aesenc_si128(stream[i], key[r]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) stream[i] = _mm_aesenclast_si128(stream[i], key[r]);
}

/* One block of counter mode, the last may be cut; returns the input and output blocks. */
FU_FN __m128i esp_x86_block(const esp_sa* sa, __m128i counter, const fu_u8* src, fu_u8* dst, fu_u32 bytes, int opens) {
  const __m128i stream = esp_x86_encrypt(sa, esp_x86_reverse(counter));
  __m128i in, out;
  if (bytes >= 16) {
    in = _mm_loadu_si128((const __m128i*)src);
    out = _mm_xor_si128(in, stream);
    _mm_storeu_si128((__m128i*)dst, out);
    return opens ? in : out;
  }
  in = esp_x86_load_part(src, bytes);
  out = esp_x86_keep(_mm_xor_si128(in, stream), bytes);
  esp_x86_store_part(dst, out, bytes);
  return opens ? in : out;
}

/* `first` as on the wire. */
FU_FN void esp_x86_ctr(const esp_sa* sa, __m128i first, const fu_u8* src, fu_u8* dst, fu_u32 bytes) {
  __m128i counter = esp_x86_reverse(first), stream[8];
  fu_u32 at = 0;
  for (; at + 128 <= bytes; at += 128) {
    esp_x86_stream8(sa, &counter, stream);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const __m128i in = _mm_loadu_si128((const __m128i*)(src + at) + i);
      _mm_storeu_si128((__m128i*)(dst + at) + i, _mm_xor_si128(in, stream[i]));
    }
  }
  for (; at < bytes; at += 16) {
    esp_x86_block(sa, counter, src + at, dst + at, bytes - at, 0);
    counter = _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, 1));
  }
}

/* First counter block of a packet; its AAD. */
FU_FN __m128i esp_x86_counter(const esp_sa* sa, const fu_u8* esp) {
  fu_u64 iv;
  __builtin_memcpy(&iv, esp + ESP_HEAD_BYTES, 8);
  return _mm_set_epi64x((long long)(iv >> 32 | 0x0100000000000000ull),
                        (long long)(iv << 32 | __builtin_bswap32(sa->salt)));
}

FU_FN __m128i esp_x86_aad(const esp_sa* sa, const fu_u8* esp, fu_u32 seq_hi) {
  fu_u64 head;
  __builtin_memcpy(&head, esp, 8);
  if (sa->flags & ESP_ESN)
    return _mm_set_epi64x((long long)(head >> 32),
                          (long long)((head & 0xffffffff) | (fu_u64)__builtin_bswap32(seq_hi) << 32));
  return _mm_set_epi64x(0, (long long)head);
}
