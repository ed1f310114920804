/* SPDX-License-Identifier: MIT */
/* seal.part.h - RFC 4106 and RFC 3686 + RFC 2404 over one packet, by the portable pieces. */

/* First counter block of a packet: salt, IV, 1. */
FU_FN esp_words4 esp_counter(FU_GLOBAL const esp_sa* sa, FU_GLOBAL const fu_u8* esp) {
  esp_words4 c;
  c.a = sa->salt, c.b = fu_load_be32(esp + 8), c.c = fu_load_be32(esp + 12), c.d = 1;
  return c;
}

/* RFC 4106 5: SPI and sequence number, the upper half between them with ESN. */
FU_FN esp_words4 esp_aad(FU_GLOBAL const esp_sa* sa, FU_GLOBAL const fu_u8* esp, fu_u32 seq_hi) {
  esp_words4 aad;
  aad.a = fu_load_be32(esp), aad.c = 0, aad.d = 0;
  if (sa->flags & ESP_ESN)
    aad.b = seq_hi, aad.c = fu_load_be32(esp + 4);
  else
    aad.b = fu_load_be32(esp + 4);
  return aad;
}
FU_FN fu_u32 esp_aad_bytes(FU_GLOBAL const esp_sa* sa) { return sa->flags & ESP_ESN ? 12 : 8; }

/* What HMAC covers: ESP header to the end of the text, then the upper half with ESN. */
FU_FN esp_message esp_covered(FU_GLOBAL const esp_sa* sa, FU_GLOBAL const fu_u8* esp, fu_u32 text_bytes,
                              fu_u32 seq_hi) {
  esp_message m;
  m.at = esp, m.bytes = ESP_HEAD_BYTES + ESP_IV_BYTES + text_bytes;
  m.extra = seq_hi, m.has_extra = sa->flags & ESP_ESN ? 1 : 0;
  return m;
}

/* Encrypts the text behind the ESP header in place and puts the ICV behind it. */
FU_FN void esp_seal(FU_GLOBAL const esp_table* table, FU_GLOBAL const esp_sa* sa, FU_GLOBAL fu_u8* esp,
                    fu_u32 text_bytes, fu_u32 seq_hi) {
  FU_GLOBAL fu_u8* text = esp + ESP_HEAD_BYTES + ESP_IV_BYTES;
  esp_words4 tag;
  if (sa->suite == ESP_GCM) {
    tag = esp_gcm(table, sa, esp_counter(sa, esp), esp_aad(sa, esp, seq_hi), esp_aad_bytes(sa), text, text, text_bytes,
                  0);
  } else {
    const esp_message m = esp_covered(sa, esp, text_bytes, seq_hi);
    esp_words5 h;
    esp_ctr(table, sa, esp_counter(sa, esp), text, text, text_bytes);
    h = esp_hmac(sa, &m);
    tag.a = h.a, tag.b = h.b, tag.c = h.c, tag.d = 0;
  }
  esp_store_block(text + text_bytes, tag, sa->icv_bytes);
}

/* Decrypts the text behind the ESP header to `out`; ESP_OK where the ICV is right. */
FU_FN fu_u32 esp_open(FU_GLOBAL const esp_table* table, FU_GLOBAL const esp_sa* sa, FU_GLOBAL const fu_u8* esp,
                      FU_GLOBAL fu_u8* out, fu_u32 text_bytes, fu_u32 seq_hi) {
  FU_GLOBAL const fu_u8* text = esp + ESP_HEAD_BYTES + ESP_IV_BYTES;
  const esp_words4 icv = esp_load_block(text + text_bytes, sa->icv_bytes);
  esp_words4 tag;
  if (sa->suite == ESP_GCM) {
    tag =
        esp_gcm(table, sa, esp_counter(sa, esp), esp_aad(sa, esp, seq_hi), esp_aad_bytes(sa), text, out, text_bytes, 1);
  } else {
    const esp_message m = esp_covered(sa, esp, text_bytes, seq_hi);
    const esp_words5 h = esp_hmac(sa, &m);
    tag.a = h.a, tag.b = h.b, tag.c = h.c, tag.d = 0;
  }
  tag = esp_xor(tag, icv);
  if (tag.a | tag.b | tag.c | tag.d) return ESP_AUTH;
  if (sa->suite != ESP_GCM) esp_ctr(table, sa, esp_counter(sa, esp), text, out, text_bytes);
  return ESP_OK;
}
