/* SPDX-License-Identifier: MIT */
/* test_kernels.core.h - kernels that do what kernels may do, for the tests of back ends.
 *
 * test_sum    reads: bytes, in column, constant, a word of the table somewhere below constants[1]
 * test_flip   reads and writes: bytes, longer by 4 or shorter by 1
 * test_stray  reads constants[0] bytes behind its range; for tools that look for such
 */
#include "fulcrum/kernel_code.h"

FU_CODE_BEGIN(device)

FU_FN void test_sum_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  fu_u32 k, i, length;
  for (k = first; k < first + count; ++k) {
    FU_GLOBAL fu_u32* out = fu_out(t, k);
    FU_GLOBAL const fu_u8* p = fu_range(t, k, &length);
    fu_u32 sum = fu_in(t, k)[0] + t->stage.constants[3];
    out[0] = 0;
    out[1] = length;
    if (!fu_active(t, k)) continue;
    if (t->table) sum += fu_load_be32(t->table + fu_in(t, k)[0] % t->stage.constants[1]);
    for (i = 0; i < length; ++i) sum = sum * 31 + p[i];
    out[0] = sum;
  }
}

FU_FN void test_flip_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  fu_u32 k, i, length;
  for (k = first; k < first + count; ++k) {
    FU_GLOBAL fu_u32* out = fu_out(t, k);
    FU_GLOBAL const fu_u8* from = fu_range(t, k, &length);
    FU_GLOBAL fu_u8* to = fu_write(t, k);
    fu_u32 sum = 0;
    out[0] = 0;
    out[1] = 0;
    if (!fu_active(t, k)) continue;
    for (i = 0; i < length; ++i) {
      to[i] = from[i] ^ (fu_u8)t->stage.constants[0];
      sum += from[i];
    }
    if (sum & 1) {
      fu_store_be32(to + length, sum);
      length += 4;
    } else if (length) {
      --length;
    }
    out[0] = sum & 3;
    out[1] = length;
  }
}

FU_FN void test_stray_run(const fu_task* t, fu_u32 first, fu_u32 count) {
  fu_u32 k, length;
  for (k = first; k < first + count; ++k) {
    FU_GLOBAL const fu_u8* p = fu_range(t, k, &length);
    fu_out(t, k)[0] = p[length + t->stage.constants[0]];
  }
}

FU_CODE_END

FU_KERNEL(device, test_sum)
FU_KERNEL(device, test_flip)
FU_KERNEL(device, test_stray)
