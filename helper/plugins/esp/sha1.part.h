/* SPDX-License-Identifier: MIT */
/* sha1.part.h - SHA-1 and HMAC-SHA1: runs on every processor.
 *
 * FIPS 180-4 6.1, RFC 2104. The sixteen words of a block are named, not an
 * array: they stay in registers on a GPU.
 */

FU_FN fu_u32 esp_rotl(fu_u32 x, fu_u32 n) { return x << n | x >> (32 - n); }

/* A message in device memory, four bytes behind it (`extra`, where has_extra), SHA-1's padding. */
typedef struct esp_message {
  FU_GLOBAL const fu_u8* at;
  fu_u32 bytes;
  fu_u32 extra;
  fu_u32 has_extra;
} esp_message;

FU_FN fu_u32 esp_message_bytes(const esp_message* m) { return m->bytes + 4 * m->has_extra; }
FU_FN fu_u32 esp_message_blocks(const esp_message* m) { return (esp_message_bytes(m) + 8) / 64 + 1; }

/* Byte `i` of the padded message, its length word excepted. */
FU_FN fu_u32 esp_message_byte(const esp_message* m, fu_u32 i) {
  const fu_u32 end = esp_message_bytes(m);
  if (i < m->bytes) return m->at[i];
  if (i < end) return m->extra >> (24 - 8 * (i - m->bytes)) & 255;
  return i == end ? 0x80 : 0;
}

/* Word `i` of the padded message; HMAC's first block counts into its length. */
FU_FN fu_u32 esp_message_word(const esp_message* m, fu_u32 i) {
  if (4 * i + 4 <= m->bytes) return fu_load_be32(m->at + 4 * i);
  if (i + 1 == 16 * esp_message_blocks(m)) return 8 * (esp_message_bytes(m) + 64);
  return esp_message_byte(m, 4 * i) << 24 | esp_message_byte(m, 4 * i + 1) << 16 | esp_message_byte(m, 4 * i + 2) << 8 |
         esp_message_byte(m, 4 * i + 3);
}

FU_FN fu_u32 esp_sha1_ch(fu_u32 b, fu_u32 c, fu_u32 d) { return d ^ (b & (c ^ d)); }
FU_FN fu_u32 esp_sha1_parity(fu_u32 b, fu_u32 c, fu_u32 d) { return b ^ c ^ d; }
FU_FN fu_u32 esp_sha1_maj(fu_u32 b, fu_u32 c, fu_u32 d) { return (b & c) | (d & (b | c)); }

#define ESP_SHA1_ROUND(a, b, c, d, e, f, k, w) \
  {                                            \
    e += esp_rotl(a, 5) + (f) + (k) + (w);     \
    b = esp_rotl(b, 30);                       \
  }
#define ESP_SHA1_5(F, k, w0, w1, w2, w3, w4)       \
  ESP_SHA1_ROUND(a, b, c, d, e, F(b, c, d), k, w0) \
  ESP_SHA1_ROUND(e, a, b, c, d, F(a, b, c), k, w1) \
  ESP_SHA1_ROUND(d, e, a, b, c, F(e, a, b), k, w2) \
  ESP_SHA1_ROUND(c, d, e, a, b, F(d, e, a), k, w3) \
  ESP_SHA1_ROUND(b, c, d, e, a, F(c, d, e), k, w4)
/* The next value of a word of the schedule. */
#define ESP_SHA1_W(w0, w2, w8, w13) (w0 = esp_rotl(esp_sha1_parity(w13, w8, w2) ^ w0, 1))
/* One block; W(i) is its word i, T the type of a word. */
#define ESP_SHA1_BLOCK(T, s, W)                                                                           \
  {                                                                                                       \
    T a = s.a, b = s.b, c = s.c, d = s.d, e = s.e;                                                        \
    T w0 = W(0), w1 = W(1), w2 = W(2), w3 = W(3);                                                         \
    T w4 = W(4), w5 = W(5), w6 = W(6), w7 = W(7);                                                         \
    T w8 = W(8), w9 = W(9), w10 = W(10), w11 = W(11);                                                     \
    T w12 = W(12), w13 = W(13), w14 = W(14), w15 = W(15);                                                 \
    ESP_SHA1_5(esp_sha1_ch, 0x5a827999u, w0, w1, w2, w3, w4)                                              \
    ESP_SHA1_5(esp_sha1_ch, 0x5a827999u, w5, w6, w7, w8, w9)                                              \
    ESP_SHA1_5(esp_sha1_ch, 0x5a827999u, w10, w11, w12, w13, w14)                                         \
    ESP_SHA1_5(esp_sha1_ch, 0x5a827999u, w15, ESP_SHA1_W(w0, w2, w8, w13), ESP_SHA1_W(w1, w3, w9, w14),   \
               ESP_SHA1_W(w2, w4, w10, w15), ESP_SHA1_W(w3, w5, w11, w0))                                 \
    ESP_SHA1_5(esp_sha1_parity, 0x6ed9eba1u, ESP_SHA1_W(w4, w6, w12, w1), ESP_SHA1_W(w5, w7, w13, w2),    \
               ESP_SHA1_W(w6, w8, w14, w3), ESP_SHA1_W(w7, w9, w15, w4), ESP_SHA1_W(w8, w10, w0, w5))     \
    ESP_SHA1_5(esp_sha1_parity, 0x6ed9eba1u, ESP_SHA1_W(w9, w11, w1, w6), ESP_SHA1_W(w10, w12, w2, w7),   \
               ESP_SHA1_W(w11, w13, w3, w8), ESP_SHA1_W(w12, w14, w4, w9), ESP_SHA1_W(w13, w15, w5, w10)) \
    ESP_SHA1_5(esp_sha1_parity, 0x6ed9eba1u, ESP_SHA1_W(w14, w0, w6, w11), ESP_SHA1_W(w15, w1, w7, w12),  \
               ESP_SHA1_W(w0, w2, w8, w13), ESP_SHA1_W(w1, w3, w9, w14), ESP_SHA1_W(w2, w4, w10, w15))    \
    ESP_SHA1_5(esp_sha1_parity, 0x6ed9eba1u, ESP_SHA1_W(w3, w5, w11, w0), ESP_SHA1_W(w4, w6, w12, w1),    \
               ESP_SHA1_W(w5, w7, w13, w2), ESP_SHA1_W(w6, w8, w14, w3), ESP_SHA1_W(w7, w9, w15, w4))     \
    ESP_SHA1_5(esp_sha1_maj, 0x8f1bbcdcu, ESP_SHA1_W(w8, w10, w0, w5), ESP_SHA1_W(w9, w11, w1, w6),       \
               ESP_SHA1_W(w10, w12, w2, w7), ESP_SHA1_W(w11, w13, w3, w8), ESP_SHA1_W(w12, w14, w4, w9))  \
    ESP_SHA1_5(esp_sha1_maj, 0x8f1bbcdcu, ESP_SHA1_W(w13, w15, w5, w10), ESP_SHA1_W(w14, w0, w6, w11),    \
               ESP_SHA1_W(w15, w1, w7, w12), ESP_SHA1_W(w0, w2, w8, w13), ESP_SHA1_W(w1, w3, w9, w14))    \
    ESP_SHA1_5(esp_sha1_maj, 0x8f1bbcdcu, ESP_SHA1_W(w2, w4, w10, w15), ESP_SHA1_W(w3, w5, w11, w0),      \
               ESP_SHA1_W(w4, w6, w12, w1), ESP_SHA1_W(w5, w7, w13, w2), ESP_SHA1_W(w6, w8, w14, w3))     \
    ESP_SHA1_5(esp_sha1_maj, 0x8f1bbcdcu, ESP_SHA1_W(w7, w9, w15, w4), ESP_SHA1_W(w8, w10, w0, w5),       \
               ESP_SHA1_W(w9, w11, w1, w6), ESP_SHA1_W(w10, w12, w2, w7), ESP_SHA1_W(w11, w13, w3, w8))   \
    ESP_SHA1_5(esp_sha1_parity, 0xca62c1d6u, ESP_SHA1_W(w12, w14, w4, w9), ESP_SHA1_W(w13, w15, w5, w10), \
               ESP_SHA1_W(w14, w0, w6, w11), ESP_SHA1_W(w15, w1, w7, w12), ESP_SHA1_W(w0, w2, w8, w13))   \
    ESP_SHA1_5(esp_sha1_parity, 0xca62c1d6u, ESP_SHA1_W(w1, w3, w9, w14), ESP_SHA1_W(w2, w4, w10, w15),   \
               ESP_SHA1_W(w3, w5, w11, w0), ESP_SHA1_W(w4, w6, w12, w1), ESP_SHA1_W(w5, w7, w13, w2))     \
    ESP_SHA1_5(esp_sha1_parity, 0xca62c1d6u, ESP_SHA1_W(w6, w8, w14, w3), ESP_SHA1_W(w7, w9, w15, w4),    \
               ESP_SHA1_W(w8, w10, w0, w5), ESP_SHA1_W(w9, w11, w1, w6), ESP_SHA1_W(w10, w12, w2, w7))    \
    ESP_SHA1_5(esp_sha1_parity, 0xca62c1d6u, ESP_SHA1_W(w11, w13, w3, w8), ESP_SHA1_W(w12, w14, w4, w9),  \
               ESP_SHA1_W(w13, w15, w5, w10), ESP_SHA1_W(w14, w0, w6, w11), ESP_SHA1_W(w15, w1, w7, w12)) \
    s.a += a, s.b += b, s.c += c, s.d += d, s.e += e;                                                     \
  }

FU_FN esp_words5 esp_words5_of(FU_GLOBAL const fu_u32* p) {
  esp_words5 s;
  s.a = p[0], s.b = p[1], s.c = p[2], s.d = p[3], s.e = p[4];
  return s;
}

/* Block `n` of the padded message. */
FU_FN esp_words5 esp_sha1_message(esp_words5 s, const esp_message* m, fu_u32 n) {
#define ESP_W(i) esp_message_word(m, 16 * n + (i))
  ESP_SHA1_BLOCK(fu_u32, s, ESP_W)
#undef ESP_W
  return s;
}

/* The block that closes an HMAC: the inner digest, padded. */
FU_FN esp_words5 esp_sha1_digest(esp_words5 s, esp_words5 x) {
#define ESP_W(i)               \
  ((i) == 0    ? x.a           \
   : (i) == 1  ? x.b           \
   : (i) == 2  ? x.c           \
   : (i) == 3  ? x.d           \
   : (i) == 4  ? x.e           \
   : (i) == 5  ? 0x80000000u   \
   : (i) == 15 ? 8 * (64 + 20) \
               : 0u)
  ESP_SHA1_BLOCK(fu_u32, s, ESP_W)
#undef ESP_W
  return s;
}

FU_FN esp_words5 esp_hmac(FU_GLOBAL const esp_sa* sa, const esp_message* m) {
  esp_words5 s = esp_words5_of(sa->hmac_inner);
  const fu_u32 blocks = esp_message_blocks(m);
  fu_u32 n;
  for (n = 0; n < blocks; ++n) s = esp_sha1_message(s, m, n);
  return esp_sha1_digest(esp_words5_of(sa->hmac_outer), s);
}
