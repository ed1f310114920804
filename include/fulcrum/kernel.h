// SPDX-License-Identifier: MIT
// kernel.h - a packet kernel: what it reads, its table, its code.
//
// A kernel sees a run of items, one a packet: the declared byte range of each
// packet and one 32-bit result to write. It holds no pointer into a batch, so
// the framework may hand it frames in place (shared memory) or gathered copies.
#pragma once

#include <cstdint>
#include <memory>

namespace fulcrum {

// The part of each packet that a kernel reads.
enum class PacketRange : std::uint8_t {
  kL3Header,  // from L3, at most max_bytes
  kPayload,   // behind the TCP/UDP header, to the end of the IP datagram
  kWhole,     // from the Ethernet header on
};

// Shapes: offset, length and result have `count` entries; item k is
// base[offset[k]] .. base[offset[k] + length[k] - 1]. Length may be 0.
struct KernelArgs {
  std::uint32_t count;
  const std::uint8_t* base;
  const std::uint32_t* offset;
  const std::uint32_t* length;
  const void* table;  // flat, position-independent
  std::uint32_t* result;
};

// Threads: any number at once on disjoint items. Allocates and locks nothing.
using KernelFn = void (*)(const KernelArgs&) noexcept;

struct KernelDecl {
  const char* name;
  PacketRange range;
  std::uint32_t max_bytes;  // per packet; 0: no limit
  KernelFn run;             // baseline x86-64-v2
  KernelFn run_v3;          // AVX2, or null
  KernelFn run_v4;          // AVX-512, or null
};

// One version of a table as a device sees it. Immutable; kept alive by the task.
struct KernelTable {
  std::shared_ptr<const void> owner;
  const void* data = nullptr;
  std::uint64_t bytes = 0;
  std::uint64_t version = 0;
};

}  // namespace fulcrum
