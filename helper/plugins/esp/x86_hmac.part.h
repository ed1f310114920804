/* SPDX-License-Identifier: MIT */
/* x86_hmac.part.h - HMAC-SHA1 of many packets: each lane takes the next message when it is done with one. */

#define ESP_JOBS 64

typedef struct esp_hmac_job {
  const esp_sa* sa;
  esp_message message;
  esp_words5 digest;
} esp_hmac_job;

/* What a lane works on: whole blocks of the message, its padded end, the outer block. */
typedef struct esp_lane {
  esp_hmac_job* job; /* null: idle */
  fu_u32 left;       /* blocks */
  fu_u32 phase;
  alignas(64) fu_u8 tail[128];
} esp_lane;

typedef struct esp_lanes {
  alignas(64) fu_u32 state[5][ESP_LANES];
  const fu_u8* at[ESP_LANES];
  fu_u32 step[ESP_LANES];
  esp_lane lane[ESP_LANES];
} esp_lanes;

/* SHA-1's padding behind `used` bytes of `total`; returns the blocks. HMAC's key block counts. */
FU_FN fu_u32 esp_pad_tail(fu_u8* tail, fu_u32 used, fu_u32 total) {
  const fu_u32 blocks = (used + 8) / 64 + 1;
  const fu_u64 bits = __builtin_bswap64(8 * ((fu_u64)total + 64));
  __builtin_memset(tail + used, 0, 64 * blocks - used);
  tail[used] = 0x80;
  __builtin_memcpy(tail + 64 * blocks - 8, &bits, 8);
  return blocks;
}

FU_FN fu_u32 esp_make_tail(fu_u8* tail, const esp_message* m) {
  const fu_u32 whole = m->bytes & ~63u;
  fu_u32 used = m->bytes - whole;
  __builtin_memcpy(tail, m->at + whole, used);
  if (m->has_extra) {
    fu_store_be32(tail + used, m->extra);
    used += 4;
  }
  return esp_pad_tail(tail, used, whole + used);
}

FU_FN void esp_put_state(fu_u8* to, esp_words5 s) {
  fu_store_be32(to, s.a), fu_store_be32(to + 4, s.b), fu_store_be32(to + 8, s.c), fu_store_be32(to + 12, s.d);
  fu_store_be32(to + 16, s.e);
}

FU_FN void esp_lane_state(esp_lanes* l, fu_u32 i, const fu_u32* from) {
  for (int k = 0; k < 5; ++k) l->state[k][i] = from[k];
}

FU_FN esp_words5 esp_lane_digest(const esp_lanes* l, fu_u32 i) {
  esp_words5 s;
  s.a = l->state[0][i], s.b = l->state[1][i], s.c = l->state[2][i], s.d = l->state[3][i], s.e = l->state[4][i];
  return s;
}

FU_FN void esp_lane_start(esp_lanes* l, fu_u32 i, esp_hmac_job* job) {
  l->lane[i].job = job;
  l->lane[i].phase = 0;
  l->lane[i].left = job->message.bytes / 64;
  l->at[i] = job->message.at;
  l->step[i] = 64;
  esp_lane_state(l, i, job->sa->hmac_inner);
}

/* A lane without blocks goes on to its next phase; 1: its job is done. */
FU_FN int esp_lane_next(esp_lanes* l, fu_u32 i) {
  esp_lane* lane = &l->lane[i];
  const esp_words5 s = esp_lane_digest(l, i);
  ++lane->phase;
  l->at[i] = lane->tail;
  if (lane->phase == 1) {
    lane->left = esp_make_tail(lane->tail, &lane->job->message);
  } else if (lane->phase == 2) {
    esp_put_state(lane->tail, s);
    lane->left = esp_pad_tail(lane->tail, 20, 20);
    esp_lane_state(l, i, lane->job->sa->hmac_outer);
  } else {
    lane->job->digest = s;
    return 1;
  }
  return 0;
}

FU_FN void esp_lane_idle(esp_lanes* l, fu_u32 i) {
  l->lane[i].job = 0;
  l->lane[i].left = ~0u;
  l->at[i] = l->lane[i].tail;
  l->step[i] = 0;
}

FU_FN void esp_lanes_run(esp_lanes* l, fu_u32 blocks) {
  esp_v5 s;
  __builtin_memcpy(&s, l->state, sizeof s);
  s = esp_v_sha1(s, l->at, l->step, blocks);
  __builtin_memcpy(l->state, &s, sizeof s);
  for (fu_u32 i = 0; i < ESP_LANES; ++i)
    if (l->lane[i].job) l->lane[i].left -= blocks;
}

FU_FN __attribute__((noinline)) void esp_hmac_lanes(esp_hmac_job* job, fu_u32 jobs) {
  esp_lanes l;
  fu_u32 taken = 0, busy = 0;
  for (fu_u32 i = 0; i < ESP_LANES; ++i) {
    __builtin_memset(l.lane[i].tail, 0, 64);
    esp_lane_idle(&l, i);
    if (taken < jobs) esp_lane_start(&l, i, &job[taken++]), ++busy;
  }
  while (busy) {
    fu_u32 blocks = ~0u;
    for (fu_u32 i = 0; i < ESP_LANES; ++i) {
      while (l.lane[i].job && !l.lane[i].left) {
        if (!esp_lane_next(&l, i)) continue;
        if (taken < jobs)
          esp_lane_start(&l, i, &job[taken++]);
        else
          esp_lane_idle(&l, i), --busy;
      }
      blocks = l.lane[i].left < blocks ? l.lane[i].left : blocks;
    }
    if (busy) esp_lanes_run(&l, blocks);
  }
}

FU_FN ESP_SHANI __attribute__((noinline)) void esp_hmac_shani(esp_hmac_job* job, fu_u32 jobs) {
  alignas(16) fu_u8 tail[128];
  for (; jobs; --jobs, ++job) {
    esp_words5 s = esp_shani_sha1(esp_words5_of(job->sa->hmac_inner), job->message.at, job->message.bytes / 64);
    const fu_u32 blocks = esp_make_tail(tail, &job->message);
    s = esp_shani_sha1(s, tail, blocks);
    esp_put_state(tail, s);
    esp_pad_tail(tail, 20, 20);
    job->digest = esp_shani_sha1(esp_words5_of(job->sa->hmac_outer), tail, 1);
  }
}

/* What of the run-time choices holds, as ESP_AVOID_… of what is not there or not wanted. */
FU_FN fu_u32 esp_x86_avoid(fu_u32 wish) {
  if (!esp_vaes_supported()) wish |= ESP_AVOID_VAES;
  if (!esp_shani_supported()) wish |= ESP_AVOID_SHANI;
  return wish;
}

/* Which is faster depends on the CPU. Measured on Sapphire Rapids, 1400 B with
 * counter mode: 16 lanes 270 ns, 8 lanes 590, SHA-NI 910. On Zen SHA-NI beats 8
 * lanes. Few messages leave lanes empty. */
FU_FN void esp_x86_hmac(esp_hmac_job* job, fu_u32 jobs, fu_u32 avoid) {
  const int narrow = ESP_LANES == 8 && __builtin_cpu_is("amd");
  if (!(avoid & ESP_AVOID_SHANI) && (narrow || jobs < 4))
    esp_hmac_shani(job, jobs);
  else
    esp_hmac_lanes(job, jobs);
}

FU_FN __m128i esp_x86_gcm_any(const esp_sa* sa, __m128i j0, __m128i aad, fu_u32 aad_bytes, const fu_u8* src, fu_u8* dst,
                              fu_u32 bytes, int opens, fu_u32 avoid) {
#ifdef ESP_HAVE_VAES
  if (!(avoid & ESP_AVOID_VAES)) return esp_vaes_gcm(sa, j0, aad, aad_bytes, src, dst, bytes, opens);
#endif
  (void)avoid;
  return esp_x86_gcm(sa, j0, aad, aad_bytes, src, dst, bytes, opens);
}

FU_FN void esp_x86_ctr_any(const esp_sa* sa, __m128i first, const fu_u8* src, fu_u8* dst, fu_u32 bytes, fu_u32 avoid) {
#ifdef ESP_HAVE_VAES
  if (!(avoid & ESP_AVOID_VAES)) {
    esp_vaes_ctr(sa, first, src, dst, bytes);
    return;
  }
#endif
  (void)avoid;
  esp_x86_ctr(sa, first, src, dst, bytes);
}
