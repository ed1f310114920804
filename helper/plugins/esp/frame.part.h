/* SPDX-License-Identifier: MIT */
/* frame.part.h - what stands around the sealed bytes: outer header, ESP header, trailer.
 *
 * RFC 4303 (ESP), RFC 4301 5.1.2 (tunnel headers), RFC 6040 (congestion marks).
 * Kernels and the cpu form both use these, so that they make the same packets.
 */

FU_FN fu_u32 esp_load_be16(FU_GLOBAL const fu_u8* p) { return (fu_u32)p[0] << 8 | p[1]; }
FU_FN void esp_store_be16(FU_GLOBAL fu_u8* p, fu_u32 v) {
  p[0] = (fu_u8)(v >> 8);
  p[1] = (fu_u8)v;
}

/* RFC 1071. */
FU_FN fu_u32 esp_fold(fu_u32 sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16);
}

/* Bytes of the IP datagram at `p` by its own header; 0: it cannot be or is not all there. */
FU_FN fu_u32 esp_datagram_bytes(FU_GLOBAL const fu_u8* p, fu_u32 present) {
  fu_u32 bytes = 0, header = 40;
  if (present < 20) return 0;
  if (p[0] >> 4 == 4) {
    header = (p[0] & 15u) * 4;
    bytes = esp_load_be16(p + 2);
  } else if (p[0] >> 4 == 6 && present >= 40) {
    bytes = 40 + esp_load_be16(p + 4);
  }
  return header < 20 || bytes < header || bytes > present ? 0 : bytes;
}

/* DSCP and ECN of either family. */
FU_FN fu_u32 esp_traffic_class(FU_GLOBAL const fu_u8* p) {
  return p[0] >> 4 == 4 ? p[1] : (p[0] & 15u) << 4 | p[1] >> 4;
}

/* ---- encap ---- */

FU_FN fu_u32 esp_pad_bytes(fu_u32 inner_bytes) { return (0u - (inner_bytes + 2)) & 3; }
/* Of what is encrypted. */
FU_FN fu_u32 esp_text_bytes(fu_u32 inner_bytes) { return inner_bytes + esp_pad_bytes(inner_bytes) + 2; }
/* From the outer header to the first encrypted byte. */
FU_FN fu_u32 esp_front_bytes(FU_GLOBAL const esp_sa* sa) { return sa->outer_bytes + ESP_HEAD_BYTES + ESP_IV_BYTES; }
FU_FN fu_u32 esp_sealed_bytes(FU_GLOBAL const esp_sa* sa, fu_u32 inner_bytes) {
  return esp_front_bytes(sa) + esp_text_bytes(inner_bytes) + sa->icv_bytes;
}
/* Does it fit the outer header's length field? */
FU_FN int esp_fits(FU_GLOBAL const esp_sa* sa, fu_u32 inner_bytes) {
  return esp_sealed_bytes(sa, inner_bytes) - (sa->flags & ESP_OUTER6 ? 40 : 0) <= 65535;
}

/* Outer header over the template: TTL 64; traffic class of the inner packet; DF
 * as inside, set over IPv6; the ID counts with the sequence number. */
FU_FN void esp_write_outer(FU_GLOBAL fu_u8* to, FU_GLOBAL const esp_sa* sa, FU_GLOBAL const fu_u8* inner, fu_u32 bytes,
                           fu_u32 seq) {
  const fu_u32 traffic_class = esp_traffic_class(inner);
  fu_u32 flags;
  if (sa->flags & ESP_OUTER6) {
    esp_copy(to, sa->outer, 40);
    to[0] = (fu_u8)(0x60 | traffic_class >> 4);
    to[1] = (fu_u8)(traffic_class << 4);
    esp_store_be16(to + 4, bytes - 40);
    return;
  }
  flags = inner[0] >> 4 == 4 ? inner[6] & 0x40u : 0x40u;
  esp_copy(to, sa->outer, 20);
  to[1] = (fu_u8)traffic_class;
  esp_store_be16(to + 2, bytes);
  esp_store_be16(to + 4, seq & 0xffff);
  to[6] = (fu_u8)flags;
  esp_store_be16(to + 10, ~esp_fold(sa->outer_sum + traffic_class + bytes + (seq & 0xffff) + (flags << 8)));
}

/* All in front of the text. `inner` does not overlap it. */
FU_FN void esp_write_front(FU_GLOBAL fu_u8* to, FU_GLOBAL const esp_sa* sa, FU_GLOBAL const fu_u8* inner,
                           fu_u32 inner_bytes, fu_u32 seq, fu_u32 iv_hi, fu_u32 iv_lo) {
  FU_GLOBAL fu_u8* esp = to + sa->outer_bytes;
  esp_write_outer(to, sa, inner, esp_sealed_bytes(sa, inner_bytes), seq);
  fu_store_be32(esp, sa->spi);
  fu_store_be32(esp + 4, seq);
  fu_store_be32(esp + 8, iv_hi);
  fu_store_be32(esp + 12, iv_lo);
}

/* Padding 1, 2, 3; its length; next header. */
FU_FN void esp_write_trailer(FU_GLOBAL fu_u8* text, fu_u32 inner_bytes, fu_u32 next_header) {
  const fu_u32 pad = esp_pad_bytes(inner_bytes);
  fu_u32 i;
  for (i = 0; i < pad; ++i) text[inner_bytes + i] = (fu_u8)(i + 1);
  text[inner_bytes + pad] = (fu_u8)pad;
  text[inner_bytes + pad + 1] = (fu_u8)next_header;
}

FU_FN fu_u32 esp_next_header(FU_GLOBAL const fu_u8* inner) { return inner[0] >> 4 == 4 ? 4 : 41; }

/* ---- decap ---- */

/* Encrypted bytes of a packet whose ESP header stands at `esp_off`; 0: cannot be. */
FU_FN fu_u32 esp_sealed_text(FU_GLOBAL const esp_sa* sa, fu_u32 esp_off, fu_u32 bytes) {
  const fu_u32 around = esp_off + ESP_HEAD_BYTES + ESP_IV_BYTES + sa->icv_bytes;
  if (bytes < around + 4 || ((bytes - around) & 3)) return 0;
  return bytes - around;
}

/* RFC 6040 4.2: what mark the inner packet leaves with; 4: it cannot, drop. */
FU_FN fu_u32 esp_ecn_out(fu_u32 outer, fu_u32 inner) {
  if (outer == 3) return inner == 0 ? 4 : 3;
  return outer == 1 && inner == 2 ? 1 : inner;
}

FU_FN void esp_set_ecn(FU_GLOBAL fu_u8* inner, fu_u32 ecn) {
  fu_u32 before;
  if (inner[0] >> 4 == 6) {
    inner[1] = (fu_u8)((inner[1] & 0xcf) | ecn << 4);
    return;
  }
  before = esp_load_be16(inner);
  inner[1] = (fu_u8)((inner[1] & 0xfc) | ecn);
  /* RFC 1624, equation 3 */
  esp_store_be16(inner + 10,
                 ~esp_fold((~esp_load_be16(inner + 10) & 0xffff) + (~before & 0xffff) + esp_load_be16(inner)));
}

/* Checks padding and inner datagram of decrypted text. ESP_OK: *inner_bytes is
 * set, and the mark of the outer header is in the packet. What stands between
 * datagram and padding is traffic flow padding, RFC 4303 2.7. */
FU_FN fu_u32 esp_finish_text(FU_GLOBAL fu_u8* text, fu_u32 text_bytes, fu_u32 outer_class, fu_u32* inner_bytes) {
  const fu_u32 next_header = text[text_bytes - 1], pad = text[text_bytes - 2];
  fu_u32 i, ecn, inner_ecn, wrong = 0;
  if (pad + 2 > text_bytes) return ESP_TEXT;
  for (i = 0; i < pad; ++i) wrong |= text[text_bytes - 2 - pad + i] ^ (i + 1);
  if (wrong) return ESP_TEXT;
  if (next_header == 59) return ESP_DUMMY;
  *inner_bytes = esp_datagram_bytes(text, text_bytes - 2 - pad);
  if (!*inner_bytes || next_header != esp_next_header(text)) return ESP_TEXT;
  inner_ecn = esp_traffic_class(text) & 3;
  ecn = esp_ecn_out(outer_class & 3, inner_ecn);
  if (ecn == 4) return ESP_ECN;
  if (ecn != inner_ecn) esp_set_ecn(text, ecn);
  return ESP_OK;
}
