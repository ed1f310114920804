/* SPDX-License-Identifier: MIT */
/* esp_decap.core.h - ESP tunnel packet -> the IP datagram in it.
 *
 * In:  slot (or ESP_REFUSED | status), sequence number high, offset of the ESP header
 * Out: result ESP_OK or what is wrong, slot, sequence number high, low; written:
 *      the inner datagram
 */
#include "plugins/esp/pieces.h"

FU_CODE_BEGIN(esp)

/* A packet to be opened. */
typedef struct esp_opening {
  FU_GLOBAL const esp_sa* sa; /* null: status tells */
  FU_GLOBAL const fu_u8* outer;
  FU_GLOBAL const fu_u8* esp;
  FU_GLOBAL fu_u8* text;
  fu_u32 text_bytes;
  fu_u32 seq_hi;
  fu_u32 status;
} esp_opening;

FU_FN esp_opening esp_decap_look(const fu_task* t, fu_u32 k) {
  FU_GLOBAL const esp_table* table = (FU_GLOBAL const esp_table*)t->table;
  FU_GLOBAL const fu_u32* in = fu_in(t, k);
  esp_opening o;
  fu_u32 bytes = 0;
  o.sa = 0, o.outer = 0, o.esp = 0, o.text = 0, o.text_bytes = 0, o.seq_hi = in[1], o.status = ESP_OK;
  if (!fu_active(t, k)) return o;
  o.status = in[0] & ESP_REFUSED ? in[0] & ~(fu_u32)ESP_REFUSED : (fu_u32)ESP_NO_SA;
  if ((in[0] & ESP_REFUSED) || !table || in[0] >= table->count) return o;
  o.sa = (FU_GLOBAL const esp_sa*)(table + 1) + in[0];
  o.outer = fu_range(t, k, &bytes);
  if (o.sa->suite != ESP_NONE) {
    o.esp = o.outer + in[2];
    o.text = fu_write(t, k);
    o.text_bytes = esp_sealed_text(o.sa, in[2], bytes);
    o.status = o.text_bytes ? ESP_OK : ESP_MALFORMED;
  }
  if (o.status != ESP_OK) o.sa = 0;
  return o;
}

FU_FN void esp_decap_result(const fu_task* t, fu_u32 k, const esp_opening* o, fu_u32 status) {
  FU_GLOBAL fu_u32* out = fu_out(t, k);
  fu_u32 inner_bytes = 0;
  if (status == ESP_OK && o->sa)
    status = esp_finish_text(o->text, o->text_bytes, esp_traffic_class(o->outer), &inner_bytes);
  out[0] = status;
  out[1] = inner_bytes;
  if (!o->sa) {
    out[2] = out[3] = out[4] = 0; /* a record is compared whole */
    return;
  }
  out[2] = fu_in(t, k)[0];
  out[3] = o->seq_hi;
  out[4] = fu_load_be32(o->esp + 4);
}

#ifdef FU_ESP_X86
#include "plugins/esp/x86_decap.part.h"
#else
FU_FN void esp_decap_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  fu_u32 k;
  for (k = first; k < first + count; ++k) {
    const esp_opening o = esp_decap_look(t, k);
    fu_u32 status = o.status;
    if (o.sa) status = esp_open((FU_GLOBAL const esp_table*)t->table, o.sa, o.esp, o.text, o.text_bytes, o.seq_hi);
    esp_decap_result(t, k, &o, status);
  }
}
#endif

FU_CODE_END
FU_KERNEL(esp, esp_decap)
