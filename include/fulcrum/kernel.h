// SPDX-License-Identifier: MIT
// kernel.h - a packet kernel: the data blocks it declares, its table, its code on each processor.
//
// From the declaration the framework sizes a task's image, gathers, copies only
// what is read, keeps data on the device between chained kernels and puts back
// what was written. kernel_code.h says how the code sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "fulcrum/kernel_code.h"

namespace fulcrum {

// A part of each packet.
enum class PacketRange : std::uint8_t {
  kL3Header,  // from L3, at most max_bytes
  kPayload,   // behind the TCP/UDP header, to the end of the IP datagram
  kDatagram,  // from L3 to the end of the IP datagram
  kWhole,     // from the Ethernet header on
};

// Block: bytes of each packet that the kernel reads.
struct ReadBlock {
  PacketRange range = PacketRange::kL3Header;
  std::uint32_t max_bytes = 0;  // of each packet; 0: no limit
  std::uint32_t align = 1;      // of each item in device memory, a power of two; kept only where ranges are gathered
};

// Block: bytes that take the place of those read. They start where the read
// range starts, may be longer by `growth_bytes` or shorter (the out record says
// how long), and what stood behind the read range is gone. Where the read range is
// empty, the length is 0 and the packet stays as it is. A kernel further along the
// chain takes the new length for the datagram's: the new header must say the same.
struct WriteBlock {
  bool present = false;
  std::uint32_t growth_bytes = 0;
  std::uint32_t align = 16;
};

// Of an item's result, when its packet is changed and when it goes on along a chain.
enum class Condition : std::uint32_t { kAlways = FU_ALWAYS, kIfZero = FU_IF_ZERO, kIfNonZero = FU_IF_NONZERO };

inline constexpr bool holds(Condition c, std::uint32_t result) {
  return c == Condition::kAlways || (result != 0) == (c == Condition::kIfNonZero);
}

// Threads: any number at once on disjoint items. Allocates and locks nothing.
using KernelFn = void (*)(const fu_task&, fu_u32 first, fu_u32 count) noexcept;

// C++ builds of one kernel; only v2 must be there.
struct CpuCode {
  KernelFn v2 = nullptr;   // x86-64-v2
  KernelFn v3 = nullptr;   // AVX2
  KernelFn v4 = nullptr;   // AVX-512 F, BW, CD, DQ, VL
  KernelFn knl = nullptr;  // Xeon Phi: AVX-512 F, CD (ER, PF)
};

struct DeviceBinary {
  const void* data = nullptr;
  std::size_t bytes = 0;
};

// One declaration a kernel, static.
struct KernelDecl {
  const char* name;  // entry point in OpenCL and CUDA
  ReadBlock read;
  WriteBlock write;
  Condition write_if = Condition::kAlways;  // other packets keep their bytes
  std::uint32_t in_bytes = 0;               // columns in: a record a packet from Offload::prepare(); multiple of 4
  std::uint32_t out_bytes = 0;              // columns out behind the result; multiple of 4
  CpuCode cpu;
  const char* opencl = nullptr;               // source text, or null
  DeviceBinary (*cuda)() noexcept = nullptr;  // fat binary; null, or 0 bytes: not built
};

// One version of a table as a device sees it. Immutable; kept alive by the task.
struct KernelTable {
  std::shared_ptr<const void> owner;
  const void* data = nullptr;  // flat, position-independent, aligned to 64
  std::uint64_t bytes = 0;
  std::uint64_t version = 0;
  std::uint64_t identity = 0;  // the same for all versions of one table; 0: none
};

}  // namespace fulcrum

// Declares what the build makes of NAME.core.h: NAME_v2 … NAME_knl, NAME_opencl, NAME_cuda().
#define FU_DECLARE_KERNEL(plugin, name)                                                        \
  extern "C" const unsigned char name##_cuda_begin[], name##_cuda_end[];                       \
  namespace fulcrum::plugin {                                                                  \
  void name##_v2(const fu_task& t, fu_u32 first, fu_u32 count) noexcept;                       \
  void name##_v3(const fu_task& t, fu_u32 first, fu_u32 count) noexcept;                       \
  void name##_v4(const fu_task& t, fu_u32 first, fu_u32 count) noexcept;                       \
  void name##_knl(const fu_task& t, fu_u32 first, fu_u32 count) noexcept;                      \
  extern const char name##_opencl[];                                                           \
  inline fulcrum::DeviceBinary name##_cuda() noexcept {                                        \
    return {name##_cuda_begin, static_cast<std::size_t>(name##_cuda_end - name##_cuda_begin)}; \
  }                                                                                            \
  }
// The code members of a KernelDecl.
#define FU_CPU_CODE(name) \
  { name##_v2, name##_v3, name##_v4, name##_knl }
