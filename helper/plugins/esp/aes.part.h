/* SPDX-License-Identifier: MIT */
/* aes.part.h - AES encryption and counter mode by table: runs on every processor.
 *
 * FIPS 197, NIST SP 800-38A 6.5. Not constant-time: table places depend on data.
 */

FU_FN fu_u32 esp_rotr(fu_u32 x, fu_u32 n) { return x >> n | x << (32 - n); }

FU_FN fu_u32 esp_te(FU_GLOBAL const fu_u32* te, fu_u32 x0, fu_u32 x1, fu_u32 x2, fu_u32 x3) {
  return te[x0 >> 24] ^ esp_rotr(te[x1 >> 16 & 255], 8) ^ esp_rotr(te[x2 >> 8 & 255], 16) ^ esp_rotr(te[x3 & 255], 24);
}

/* Last round: the S-box alone, which is the table's second byte. */
FU_FN fu_u32 esp_te_last(FU_GLOBAL const fu_u32* te, fu_u32 x0, fu_u32 x1, fu_u32 x2, fu_u32 x3) {
  return (te[x0 >> 24] << 8 & 0xff000000u) | (te[x1 >> 16 & 255] & 0x00ff0000u) | (te[x2 >> 8 & 255] & 0x0000ff00u) |
         (te[x3 & 255] >> 8 & 0x000000ffu);
}

/* Words are big-endian. */
FU_FN esp_words4 esp_aes(FU_GLOBAL const esp_table* table, FU_GLOBAL const esp_sa* sa, esp_words4 s) {
  FU_GLOBAL const fu_u32* te = table->te;
  FU_GLOBAL const fu_u8* k = sa->key;
  fu_u32 round;
  s.a ^= fu_load_be32(k), s.b ^= fu_load_be32(k + 4), s.c ^= fu_load_be32(k + 8), s.d ^= fu_load_be32(k + 12);
  for (round = 1; round < sa->rounds; ++round) {
    esp_words4 n;
    k += 16;
    n.a = esp_te(te, s.a, s.b, s.c, s.d) ^ fu_load_be32(k);
    n.b = esp_te(te, s.b, s.c, s.d, s.a) ^ fu_load_be32(k + 4);
    n.c = esp_te(te, s.c, s.d, s.a, s.b) ^ fu_load_be32(k + 8);
    n.d = esp_te(te, s.d, s.a, s.b, s.c) ^ fu_load_be32(k + 12);
    s = n;
  }
  {
    esp_words4 n;
    k += 16;
    n.a = esp_te_last(te, s.a, s.b, s.c, s.d) ^ fu_load_be32(k);
    n.b = esp_te_last(te, s.b, s.c, s.d, s.a) ^ fu_load_be32(k + 4);
    n.c = esp_te_last(te, s.c, s.d, s.a, s.b) ^ fu_load_be32(k + 8);
    n.d = esp_te_last(te, s.d, s.a, s.b, s.c) ^ fu_load_be32(k + 12);
    return n;
  }
}

/* Up to 16 bytes as big-endian words, zeros behind. */
FU_FN fu_u32 esp_load_part(FU_GLOBAL const fu_u8* p, fu_u32 bytes) {
  if (bytes >= 4) return fu_load_be32(p);
  return (bytes > 0 ? (fu_u32)p[0] << 24 : 0) | (bytes > 1 ? (fu_u32)p[1] << 16 : 0) |
         (bytes > 2 ? (fu_u32)p[2] << 8 : 0);
}

FU_FN esp_words4 esp_load_block(FU_GLOBAL const fu_u8* p, fu_u32 bytes) {
  esp_words4 b;
  b.a = esp_load_part(p, bytes);
  b.b = bytes > 4 ? esp_load_part(p + 4, bytes - 4) : 0;
  b.c = bytes > 8 ? esp_load_part(p + 8, bytes - 8) : 0;
  b.d = bytes > 12 ? esp_load_part(p + 12, bytes - 12) : 0;
  return b;
}

FU_FN void esp_store_part(FU_GLOBAL fu_u8* p, fu_u32 v, fu_u32 bytes) {
  if (bytes >= 4) {
    fu_store_be32(p, v);
    return;
  }
  if (bytes > 0) p[0] = (fu_u8)(v >> 24);
  if (bytes > 1) p[1] = (fu_u8)(v >> 16);
  if (bytes > 2) p[2] = (fu_u8)(v >> 8);
}

FU_FN void esp_store_block(FU_GLOBAL fu_u8* p, esp_words4 b, fu_u32 bytes) {
  esp_store_part(p, b.a, bytes);
  if (bytes > 4) esp_store_part(p + 4, b.b, bytes - 4);
  if (bytes > 8) esp_store_part(p + 8, b.c, bytes - 8);
  if (bytes > 12) esp_store_part(p + 12, b.d, bytes - 12);
}

/* The first `bytes` (1 to 16) of a block, zeros behind. */
FU_FN fu_u32 esp_keep(fu_u32 v, fu_u32 at, fu_u32 bytes) {
  const fu_u32 here = bytes > at ? bytes - at : 0;
  return here >= 4 ? v : here == 0 ? 0 : v & ~(0xffffffffu >> 8 * here);
}

FU_FN esp_words4 esp_xor(esp_words4 x, esp_words4 y) {
  x.a ^= y.a, x.b ^= y.b, x.c ^= y.c, x.d ^= y.d;
  return x;
}

/* src -> dst, which may be the same place. `first` is the first counter block. */
FU_FN void esp_ctr(FU_GLOBAL const esp_table* table, FU_GLOBAL const esp_sa* sa, esp_words4 first,
                   FU_GLOBAL const fu_u8* src, FU_GLOBAL fu_u8* dst, fu_u32 bytes) {
  fu_u32 at;
  for (at = 0; at < bytes; at += 16, ++first.d)
    esp_store_block(dst + at, esp_xor(esp_load_block(src + at, bytes - at), esp_aes(table, sa, first)), bytes - at);
}

FU_FN void esp_copy(FU_GLOBAL fu_u8* to, FU_GLOBAL const fu_u8* from, fu_u32 bytes) {
#ifdef FU_ESP_X86
  __builtin_memcpy(to, from, bytes);
#else
  fu_u32 i;
  for (i = 0; i < bytes; ++i) to[i] = from[i];
#endif
}
