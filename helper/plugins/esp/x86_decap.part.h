/* SPDX-License-Identifier: MIT */
/* x86_decap.part.h - packets opened: GCM one by one, HMAC many together. */

FU_FN fu_u32 esp_x86_open_gcm(const esp_opening* o, fu_u32 avoid) {
  const fu_u8* text = o->esp + ESP_HEAD_BYTES + ESP_IV_BYTES;
  const __m128i aad = esp_x86_aad(o->sa, o->esp, o->seq_hi);
  const __m128i tag = esp_x86_gcm_any(o->sa, esp_x86_counter(o->sa, o->esp), aad, esp_aad_bytes(o->sa), text, o->text,
                                      o->text_bytes, 1, avoid);
  const __m128i wrong = _mm_xor_si128(tag, _mm_loadu_si128((const __m128i*)(text + o->text_bytes)));
  return _mm_testz_si128(wrong, wrong) ? ESP_OK : ESP_AUTH;
}

FU_FN void esp_x86_open_ctr(const fu_task* t, const fu_u32* item, const esp_opening* o, esp_hmac_job* job, fu_u32 jobs,
                            fu_u32 avoid) {
  esp_x86_hmac(job, jobs, avoid);
  for (fu_u32 i = 0; i < jobs; ++i) {
    const fu_u8* text = o[i].esp + ESP_HEAD_BYTES + ESP_IV_BYTES;
    const fu_u8* icv = text + o[i].text_bytes;
    const esp_words5* d = &job[i].digest;
    const fu_u32 wrong = (fu_load_be32(icv) ^ d->a) | (fu_load_be32(icv + 4) ^ d->b) | (fu_load_be32(icv + 8) ^ d->c);
    if (!wrong) esp_x86_ctr_any(o[i].sa, esp_x86_counter(o[i].sa, o[i].esp), text, o[i].text, o[i].text_bytes, avoid);
    esp_decap_result(t, item[i], &o[i], wrong ? (fu_u32)ESP_AUTH : (fu_u32)ESP_OK);
  }
}

FU_FN void esp_decap_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  const fu_u32 avoid = esp_x86_avoid(t->stage.constants[0]);
  esp_hmac_job job[ESP_JOBS];
  esp_opening waiting[ESP_JOBS];
  fu_u32 item[ESP_JOBS], jobs = 0;
  for (fu_u32 k = first; k < first + count; ++k) {
    const esp_opening o = esp_decap_look(t, k);
    if (!o.sa || o.sa->suite == ESP_GCM) {
      esp_decap_result(t, k, &o, o.sa ? esp_x86_open_gcm(&o, avoid) : o.status);
      continue;
    }
    item[jobs] = k;
    waiting[jobs] = o;
    job[jobs].sa = o.sa;
    job[jobs++].message = esp_covered(o.sa, o.esp, o.text_bytes, o.seq_hi);
    if (jobs == ESP_JOBS) {
      esp_x86_open_ctr(t, item, waiting, job, jobs, avoid);
      jobs = 0;
    }
  }
  if (jobs) esp_x86_open_ctr(t, item, waiting, job, jobs, avoid);
}
