/* SPDX-License-Identifier: MIT */
/* kernel_code.h - the C that kernels are written in, and how they see a task.
 *
 * A kernel is one file, NAME.core.h, in C that is also C++20, OpenCL C 1.2 and
 * CUDA. It defines
 *
 *     FU_CODE_BEGIN(plugin)
 *     FU_FN void NAME_run(const fu_task* t, fu_u32 first, fu_u32 count) { … }
 *     FU_CODE_END
 *     FU_KERNEL(plugin, NAME)
 *
 * NAME_run handles items first .. first + count - 1 of the task; an item is one
 * packet. On the CPU it gets long runs and may work on FU_LANES items side by
 * side; on OpenCL and CUDA devices each work item calls it with count 1, and
 * FU_LANES is 1. Code is free of library calls, templates and globals; pointers
 * to task memory and tables are FU_GLOBAL. A kernel reads the bytes of its items
 * and its table and writes only its out records and its written ranges: what it
 * reads is never changed, so that a failed task can be run again elsewhere. It
 * writes every word of the out record of an item that takes part: records are
 * compared whole when a device is checked.
 *
 * Items are independent of each other. All offsets are bytes.
 */
#ifndef FULCRUM_KERNEL_CODE_H
#define FULCRUM_KERNEL_CODE_H

#if defined(FU_LANG_OPENCL)
typedef uchar fu_u8;
typedef ushort fu_u16;
typedef uint fu_u32;
typedef ulong fu_u64;
#define FU_GLOBAL __global
#define FU_FN static inline
#define FU_LANES 1
#define FU_TABLE_BEGIN(plugin)
#define FU_TABLE_END
#define FU_CODE_BEGIN(plugin)
#define FU_CODE_END
#define FU_LIKELY(x) (x)
#define FU_PREFETCH(p)
#define FU_POPCOUNT64(x) ((fu_u32)popcount((ulong)(x)))
#define FU_CLZ32(x) ((fu_u32)clz((uint)(x)))
#else
#include <stdint.h>
typedef uint8_t fu_u8;
typedef uint16_t fu_u16;
typedef uint32_t fu_u32;
typedef uint64_t fu_u64;
#define FU_GLOBAL
#define FU_TABLE_BEGIN(plugin) namespace fulcrum::plugin {
#define FU_TABLE_END }
#define FU_CODE_BEGIN(plugin) \
  namespace fulcrum::plugin { \
  namespace {
#define FU_CODE_END \
  }                 \
  }
#if defined(__CUDACC__)
#define FU_FN static __device__ __forceinline__
#define FU_LANES 1
#define FU_LIKELY(x) (x)
#define FU_PREFETCH(p)
#define FU_POPCOUNT64(x) ((fu_u32)__popcll(x))
#define FU_CLZ32(x) ((fu_u32)__clz((int)(x)))
#else
#define FU_FN [[maybe_unused]] static inline
#define FU_LANES 16
#define FU_LIKELY(x) __builtin_expect(!!(x), 1)
#define FU_PREFETCH(p) __builtin_prefetch(p)
#define FU_POPCOUNT64(x) ((fu_u32)__builtin_popcountll(x))
#define FU_CLZ32(x) ((fu_u32)__builtin_clz(x))
#endif
#endif

#define FU_CONSTANTS 8

/* Where the items of a stage lie. */
#define FU_READ_FRAMES 0 /* in place: range offsets count from fu_task.frames */
#define FU_READ_IMAGE 1  /* gathered: they count from fu_stage.read_off in the image */
#define FU_READ_STAGE 2  /* what the stage before wrote; its out records tell the lengths */

/* Which items of a stage take part, by the result of the stage before. */
#define FU_ALWAYS 0
#define FU_IF_ZERO 1
#define FU_IF_NONZERO 2

/* One kernel's part of a task image. A task is a chain of stages over the same
 * items. Units: bytes from the start of the image, where not said otherwise. */
typedef struct fu_stage {
  fu_u32 source;    /* FU_READ_* */
  fu_u32 read_off;  /* with FU_READ_IMAGE */
  fu_u32 max_bytes; /* of an item's range; 0: no limit */
  fu_u32 only_if;   /* FU_ALWAYS … */
  fu_u32 range_off; /* u32 offset, length [items] */
  fu_u32 in_off;    /* in records [items]; behind u32 write offset, where the kernel writes */
  fu_u32 in_stride;
  fu_u32 out_off; /* out records [items]: u32 result, u32 length where it writes, columns */
  fu_u32 out_stride;
  fu_u32 write_off;   /* written ranges: write offsets count from here */
  fu_u32 writes;      /* 0 or 1 */
  fu_u32 prev_in_off; /* of the stage before, as above; with FU_READ_STAGE or only_if */
  fu_u32 prev_in_stride;
  fu_u32 prev_out_off;
  fu_u32 prev_out_stride;
  fu_u32 prev_write_off;
  fu_u32 constants[FU_CONSTANTS]; /* the same for all items */
} fu_stage;

/* What NAME_run gets. Alignment: image, frames and table start at multiples of
 * 64; records at multiples of 4; ranges anywhere. */
typedef struct fu_task {
  fu_stage stage;
  FU_GLOBAL const fu_u8* frames;
  FU_GLOBAL fu_u8* image;
  FU_GLOBAL const fu_u8* table; /* may be null: then there is no table yet, results are 0 */
} fu_task;

/* Out record of item k: [0] the result, then the length where the kernel writes, then its columns. */
FU_FN FU_GLOBAL fu_u32* fu_out(const fu_task* t, fu_u32 k) {
  return (FU_GLOBAL fu_u32*)(t->image + t->stage.out_off + (fu_u64)t->stage.out_stride * k);
}

/* In columns of item k. */
FU_FN FU_GLOBAL const fu_u32* fu_in(const fu_task* t, fu_u32 k) {
  return (FU_GLOBAL const fu_u32*)(t->image + t->stage.in_off + (fu_u64)t->stage.in_stride * k) + t->stage.writes;
}

/* Where the kernel writes item k's new bytes: room for the range's length and KernelDecl's growth. */
FU_FN FU_GLOBAL fu_u8* fu_write(const fu_task* t, fu_u32 k) {
  return t->image + t->stage.write_off +
         *(FU_GLOBAL const fu_u32*)(t->image + t->stage.in_off + (fu_u64)t->stage.in_stride * k);
}

/* Does item k take part? If not, its result is irrelevant, but must be set to 0. */
FU_FN int fu_active(const fu_task* t, fu_u32 k) {
  if (t->stage.only_if == FU_ALWAYS) return 1;
  return (*(FU_GLOBAL const fu_u32*)(t->image + t->stage.prev_out_off + (fu_u64)t->stage.prev_out_stride * k) != 0) ==
         (t->stage.only_if == FU_IF_NONZERO);
}

/* The bytes of item k that the kernel declared; length may be 0. */
FU_FN FU_GLOBAL const fu_u8* fu_range(const fu_task* t, fu_u32 k, fu_u32* length) {
  const fu_stage* s = &t->stage;
  FU_GLOBAL const fu_u8* at;
  if (s->source == FU_READ_STAGE) {
    at = t->image + s->prev_write_off +
         *(FU_GLOBAL const fu_u32*)(t->image + s->prev_in_off + (fu_u64)s->prev_in_stride * k);
    *length = ((FU_GLOBAL const fu_u32*)(t->image + s->prev_out_off + (fu_u64)s->prev_out_stride * k))[1];
  } else {
    FU_GLOBAL const fu_u32* range = (FU_GLOBAL const fu_u32*)(t->image + s->range_off) + 2 * (fu_u64)k;
    at = (s->source == FU_READ_FRAMES ? t->frames : t->image + s->read_off) + range[0];
    *length = range[1];
  }
  if (s->max_bytes && *length > s->max_bytes) *length = s->max_bytes;
  return at;
}

/* Loads and stores at any address; network byte order. */
FU_FN fu_u32 fu_load_be32(FU_GLOBAL const fu_u8* p) {
  return (fu_u32)p[0] << 24 | (fu_u32)p[1] << 16 | (fu_u32)p[2] << 8 | p[3];
}
FU_FN fu_u64 fu_load_be64(FU_GLOBAL const fu_u8* p) { return (fu_u64)fu_load_be32(p) << 32 | fu_load_be32(p + 4); }
FU_FN void fu_store_be32(FU_GLOBAL fu_u8* p, fu_u32 v) {
  p[0] = (fu_u8)(v >> 24);
  p[1] = (fu_u8)(v >> 16);
  p[2] = (fu_u8)(v >> 8);
  p[3] = (fu_u8)v;
}

/* The entry point that a back end finds by name. C++ builds make theirs with
 * FU_CPU_KERNEL in one launcher file an instruction set. */
#if defined(FU_LANG_OPENCL)
#define FU_KERNEL(plugin, name)                                                                       \
  __kernel void name(fu_stage stage, uint count, __global const uchar* frames, __global uchar* image, \
                     __global const uchar* table) {                                                   \
    fu_task t;                                                                                        \
    uint k = (uint)get_global_id(0);                                                                  \
    if (k >= count) return;                                                                           \
    t.stage = stage;                                                                                  \
    t.frames = frames;                                                                                \
    t.image = image;                                                                                  \
    t.table = table;                                                                                  \
    name##_run(&t, k, 1);                                                                             \
  }
#elif defined(__CUDACC__)
#define FU_KERNEL(plugin, name)                                                                    \
  extern "C" __global__ void name(fu_stage stage, fu_u32 count, const fu_u8* frames, fu_u8* image, \
                                  const fu_u8* table) {                                            \
    const fu_u32 k = blockIdx.x * blockDim.x + threadIdx.x;                                        \
    if (k >= count) return;                                                                        \
    const fu_task t = {stage, frames, image, table};                                               \
    fulcrum::plugin::name##_run(&t, k, 1);                                                         \
  }
#else
#define FU_KERNEL(plugin, name)
#define FU_CPU_KERNEL(plugin, name, function)                                             \
  void fulcrum::plugin::function(const fu_task& t, fu_u32 first, fu_u32 count) noexcept { \
    name##_run(&t, first, count);                                                         \
  }
#endif

#endif /* FULCRUM_KERNEL_CODE_H */
