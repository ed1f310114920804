/* SPDX-License-Identifier: MIT */
/* esp_encap.core.h - IP datagram -> ESP tunnel packet.
 *
 * In:  slot (or ESP_REFUSED | status), sequence number high, low, IV high, low
 * Out: result ESP_OK or what is wrong; written: the new datagram
 */
#include "plugins/esp/pieces.h"

FU_CODE_BEGIN(esp)

/* Writes everything but ciphertext and ICV. Returns the SA, or null with *status set. */
FU_FN FU_GLOBAL const esp_sa* esp_encap_frame(const fu_task* t, fu_u32 k, fu_u32* status, fu_u32* inner_bytes) {
  FU_GLOBAL const esp_table* table = (FU_GLOBAL const esp_table*)t->table;
  FU_GLOBAL const fu_u32* in = fu_in(t, k);
  fu_u32 present = 0;
  *status = ESP_NO_SA;
  if (!fu_active(t, k)) {
    *status = ESP_OK;
    return 0;
  }
  if (in[0] & ESP_REFUSED) {
    *status = in[0] & ~(fu_u32)ESP_REFUSED;
    return 0;
  }
  if (!table || in[0] >= table->count) return 0;
  {
    FU_GLOBAL const esp_sa* sa = (FU_GLOBAL const esp_sa*)(table + 1) + in[0];
    FU_GLOBAL const fu_u8* inner = fu_range(t, k, &present);
    FU_GLOBAL fu_u8* to = fu_write(t, k);
    FU_GLOBAL fu_u8* text;
    if (sa->suite == ESP_NONE) return 0;
    *inner_bytes = esp_datagram_bytes(inner, present);
    if (!*inner_bytes || !esp_fits(sa, *inner_bytes)) {
      *status = *inner_bytes ? ESP_TOO_BIG : ESP_MALFORMED;
      return 0;
    }
    *status = ESP_OK;
    text = to + esp_front_bytes(sa);
    esp_write_front(to, sa, inner, *inner_bytes, in[2], in[3], in[4]);
    esp_copy(text, inner, *inner_bytes);
    esp_write_trailer(text, *inner_bytes, esp_next_header(inner));
    return sa;
  }
}

#ifdef FU_ESP_X86
#include "plugins/esp/x86_encap.part.h"
#else
FU_FN void esp_encap_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  fu_u32 k;
  for (k = first; k < first + count; ++k) {
    fu_u32 status, inner_bytes = 0;
    FU_GLOBAL const esp_sa* sa = esp_encap_frame(t, k, &status, &inner_bytes);
    FU_GLOBAL fu_u32* out = fu_out(t, k);
    out[0] = status;
    if (!sa) continue;
    out[1] = esp_sealed_bytes(sa, inner_bytes);
    esp_seal((FU_GLOBAL const esp_table*)t->table, sa, fu_write(t, k) + sa->outer_bytes, esp_text_bytes(inner_bytes),
             fu_in(t, k)[1]);
  }
}
#endif

FU_CODE_END
FU_KERNEL(esp, esp_encap)
