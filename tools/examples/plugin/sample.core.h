/* SPDX-License-Identifier: MIT */
/* sample.core.h - payload bytes -> how often two of them are equal. */
#include "fulcrum/kernel_code.h"

FU_CODE_BEGIN(sample)

/* Chance that two bytes are equal, in thousandths of what it is among random bytes; 0: too short to tell. */
FU_FN fu_u32 sample_coincidence(FU_GLOBAL const fu_u8* p, fu_u32 length) {
  fu_u16 seen[256];
  fu_u32 i, pairs = 0;
  if (length < 64 || length > 65535) return 0;
  for (i = 0; i < 256; ++i) seen[i] = 0;
  for (i = 0; i < length; ++i) pairs += seen[p[i]]++;
  return (fu_u32)((fu_u64)pairs * 2 * 256 * 1000 / ((fu_u64)length * (length - 1))) + 1;
}

FU_FN void sample_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  fu_u32 k, length;
  for (k = first; k < first + count; ++k) {
    FU_GLOBAL const fu_u8* p = fu_range(t, k, &length);
    fu_out(t, k)[0] = fu_active(t, k) ? sample_coincidence(p, length) : 0;
  }
}

FU_CODE_END

FU_KERNEL(sample, sample)
