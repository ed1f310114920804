/* SPDX-License-Identifier: MIT */
/* esp_table.h - security associations as kernels see them: one flat table.
 *
 * An SA keeps its slot for life, so a result's slot means the same in every
 * version of the table. What changes with each packet (sequence number, replay
 * window) is no part of it: sa.h.
 */
#ifndef FULCRUM_ESP_TABLE_H
#define FULCRUM_ESP_TABLE_H

#include "fulcrum/kernel_code.h"

FU_TABLE_BEGIN(esp)

/* Result of both kernels; the host counts and drops by it. */
enum {
  ESP_OK = 0,
  ESP_NO_SA,     /* encap: no selector takes it; decap: unknown SPI */
  ESP_MALFORMED, /* lengths cannot be */
  ESP_AUTH,      /* integrity check failed */
  ESP_REPLAY,    /* sequence number seen before, or left of the window */
  ESP_TOO_BIG,   /* would not fit the outer length field */
  ESP_EXHAUSTED, /* no sequence number left */
  ESP_ECN,       /* congestion mark that the inner packet cannot carry, RFC 6040 */
  ESP_TEXT,      /* authentic, but padding or inner lengths cannot be */
  ESP_DUMMY,     /* next header 59, RFC 4303 2.6 */
  ESP_STATUSES
};

enum { ESP_NONE = 0, ESP_GCM = 1, ESP_CTR_SHA1 = 2 }; /* suite */
enum { ESP_ESN = 1, ESP_OUTER6 = 2 };                 /* flags */
enum { ESP_REFUSED = 0x40000000 };                    /* in column: a status instead of a slot */
enum { ESP_AVOID_VAES = 1, ESP_AVOID_SHANI = 2 };     /* constant 0: for tests and measurements */

enum {
  ESP_HEAD_BYTES = 8, /* SPI, sequence number */
  ESP_IV_BYTES = 8,
  ESP_GCM_ICV_BYTES = 16,
  ESP_SHA1_ICV_BYTES = 12,
  ESP_GROWTH_BYTES = 40 + 8 + 8 + 3 + 2 + 16, /* at most: outer IPv6, header, IV, padding, trailer, ICV */
  ESP_POWERS = 20
};

/* Numbers are native; byte arrays are as on the wire. */
typedef struct esp_sa {
  fu_u32 suite;
  fu_u32 rounds; /* of AES */
  fu_u32 flags;
  fu_u32 spi;
  fu_u32 salt; /* GCM's salt, CTR's nonce */
  fu_u32 outer_bytes;
  fu_u32 icv_bytes;
  fu_u32 outer_sum;     /* of the words of an IPv4 header's constant part, RFC 1071 */
  fu_u32 hmac_inner[5]; /* SHA-1 after the key ^ ipad block */
  fu_u32 hmac_outer[5];
  fu_u8 outer[56]; /* IP header with all that is the same for every packet */
  fu_u8 key[256];  /* AES round keys, rounds + 1 */
  /* H^20 … H^1, each times x^-1, bytes reversed: what carry-less multiplication wants. */
  fu_u8 h_power[ESP_POWERS][16];
  fu_u64 h_table[16][2]; /* H by 4-bit values, high and low half: Shoup's method */
} esp_sa;

typedef struct esp_table {
  fu_u32 count;
  fu_u32 reserved[15];
  fu_u32 rem[16]; /* what 4 bits shifted out of a GHASH product add, << 16 */
  fu_u32 te[256]; /* AES round table: S-box times (2, 1, 1, 3); others are its rotations */
} esp_table;      /* then esp_sa[count] */

typedef struct esp_words4 {
  fu_u32 a, b, c, d;
} esp_words4;
typedef struct esp_words5 {
  fu_u32 a, b, c, d, e;
} esp_words5;

FU_TABLE_END

#endif
