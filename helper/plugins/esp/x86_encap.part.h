/* SPDX-License-Identifier: MIT */
/* x86_encap.part.h - packets sealed: GCM one by one, HMAC many together. */

FU_FN void esp_x86_icvs(esp_hmac_job* job, fu_u32 jobs, fu_u32 avoid) {
  esp_x86_hmac(job, jobs, avoid);
  for (fu_u32 i = 0; i < jobs; ++i) {
    fu_u8* icv = (fu_u8*)job[i].message.at + job[i].message.bytes; /* behind the text, in what we write */
    fu_store_be32(icv, job[i].digest.a), fu_store_be32(icv + 4, job[i].digest.b),
        fu_store_be32(icv + 8, job[i].digest.c);
  }
}

FU_FN void esp_encap_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  const fu_u32 avoid = esp_x86_avoid(t->stage.constants[0]);
  esp_hmac_job job[ESP_JOBS];
  fu_u32 jobs = 0;
  for (fu_u32 k = first; k < first + count; ++k) {
    fu_u32 status, inner_bytes = 0;
    const esp_sa* sa = esp_encap_frame(t, k, &status, &inner_bytes);
    fu_u32* out = fu_out(t, k);
    out[0] = status;
    if (!sa) continue;
    out[1] = esp_sealed_bytes(sa, inner_bytes);
    {
      fu_u8* esp = fu_write(t, k) + sa->outer_bytes;
      fu_u8* text = esp + ESP_HEAD_BYTES + ESP_IV_BYTES;
      const fu_u32 bytes = esp_text_bytes(inner_bytes), seq_hi = fu_in(t, k)[1];
      const __m128i counter = esp_x86_counter(sa, esp);
      if (sa->suite == ESP_GCM) {
        const __m128i aad = esp_x86_aad(sa, esp, seq_hi);
        const __m128i tag = esp_x86_gcm_any(sa, counter, aad, esp_aad_bytes(sa), text, text, bytes, 0, avoid);
        _mm_storeu_si128((__m128i*)(text + bytes), tag);
        continue;
      }
      esp_x86_ctr_any(sa, counter, text, text, bytes, avoid);
      job[jobs].sa = sa;
      job[jobs++].message = esp_covered(sa, esp, bytes, seq_hi);
      if (jobs == ESP_JOBS) {
        esp_x86_icvs(job, jobs, avoid);
        jobs = 0;
      }
    }
  }
  if (jobs) esp_x86_icvs(job, jobs, avoid);
}
