/* SPDX-License-Identifier: MIT */
/* ghash.part.h - GHASH by 4-bit tables, and AES-GCM: runs on every processor.
 *
 * NIST SP 800-38D; V. Shoup, "On fast and provably secure message authentication
 * based on universal hashing", CRYPTO '96. Not constant-time.
 */

typedef struct esp_ghash {
  fu_u64 hi, lo; /* first byte of the block on top */
} esp_ghash;

/* y * H */
FU_FN esp_ghash esp_ghash_mul(FU_GLOBAL const esp_table* table, FU_GLOBAL const esp_sa* sa, esp_ghash y) {
  esp_ghash z;
  fu_u32 i;
  z.hi = 0, z.lo = 0;
  for (i = 0; i < 32; ++i) {
    const fu_u32 nibble = (fu_u32)((i < 16 ? y.lo : y.hi) >> 4 * (i & 15)) & 15;
    const fu_u32 out = (fu_u32)z.lo & 15;
    z.lo = z.lo >> 4 | z.hi << 60;
    z.hi = z.hi >> 4 ^ (fu_u64)table->rem[out] << 32;
    z.hi ^= sa->h_table[nibble][0];
    z.lo ^= sa->h_table[nibble][1];
  }
  return z;
}

FU_FN esp_ghash esp_ghash_add(FU_GLOBAL const esp_table* table, FU_GLOBAL const esp_sa* sa, esp_ghash y, esp_words4 x) {
  y.hi ^= (fu_u64)x.a << 32 | x.b;
  y.lo ^= (fu_u64)x.c << 32 | x.d;
  return esp_ghash_mul(table, sa, y);
}

/* src -> dst, which may be the same place; returns the tag. `j0` is the counter
 * block that ends in 1; `aad` are the aad_bytes (0 to 16), zeros behind. */
FU_FN esp_words4 esp_gcm(FU_GLOBAL const esp_table* table, FU_GLOBAL const esp_sa* sa, esp_words4 j0, esp_words4 aad,
                         fu_u32 aad_bytes, FU_GLOBAL const fu_u8* src, FU_GLOBAL fu_u8* dst, fu_u32 bytes, int opens) {
  esp_ghash y;
  esp_words4 tag = esp_aes(table, sa, j0), counter = j0, lengths;
  fu_u32 at;
  y.hi = 0, y.lo = 0;
  if (aad_bytes) y = esp_ghash_add(table, sa, y, aad);
  for (at = 0; at < bytes; at += 16) {
    const fu_u32 left = bytes - at;
    const esp_words4 in = esp_load_block(src + at, left);
    esp_words4 out;
    ++counter.d;
    out = esp_xor(in, esp_aes(table, sa, counter));
    out.a = esp_keep(out.a, 0, left), out.b = esp_keep(out.b, 4, left);
    out.c = esp_keep(out.c, 8, left), out.d = esp_keep(out.d, 12, left);
    esp_store_block(dst + at, out, left);
    y = esp_ghash_add(table, sa, y, opens ? in : out);
  }
  lengths.a = 0, lengths.b = 8 * aad_bytes, lengths.c = bytes >> 29, lengths.d = 8 * bytes;
  y = esp_ghash_add(table, sa, y, lengths);
  tag.a ^= (fu_u32)(y.hi >> 32), tag.b ^= (fu_u32)y.hi, tag.c ^= (fu_u32)(y.lo >> 32), tag.d ^= (fu_u32)y.lo;
  return tag;
}
