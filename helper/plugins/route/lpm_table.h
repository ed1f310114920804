// SPDX-License-Identifier: MIT
// lpm_table.h - layout of the flat longest-prefix table that every device reads.
//
// Poptrie: Asai and Ohara, "Poptrie: A Compressed Trie with Population Count for
// Fast and Scalable Software IP Routing Table Lookup", SIGCOMM 2015. A directly
// indexed root per family, then nodes of 64 slots: `vector` marks slots that have
// a child node, `leafvec` the slots where a new run of equal leaves begins; a
// population count turns a slot into an index, so that only used slots take room.
//
// The table is one block without pointers: parts are found by byte offset from
// its start, so it can be copied to any device. Words are in host order.
//
// Units: 24 bytes a node, 4 a leaf, 4 a root slot. Measured: about 10 MiB for
// 900,000 IPv4 and 160,000 IPv6 prefixes, 32 KiB for a few routes.
#pragma once

#include <cstdint>

namespace fulcrum::route {

inline constexpr std::uint32_t kLpmMagic = 0x46504c31;  // "FPL1"
inline constexpr std::uint32_t kLpmLeaf = 0x80000000;   // root slot holds a leaf, else a node index

// A result is tag << kTagShift | next-hop index, or 0 where nothing matched. The
// tag names the version, so that late results find the next hops they index.
inline constexpr unsigned kTagShift = 22;
inline constexpr std::uint32_t kMaxNextHops = 1u << kTagShift;
inline constexpr std::uint32_t kTagMask = (1u << (32 - kTagShift)) - 1;

struct LpmFamily {
  std::uint32_t root_bits;  // 1..20 address bits index the root
  std::uint32_t root_off_bytes;
};

struct LpmHeader {
  std::uint32_t magic;
  std::uint32_t tag;    // already shifted
  std::uint64_t bytes;  // whole block
  std::uint64_t node_off_bytes;
  std::uint64_t leaf_off_bytes;
  LpmFamily family[2];  // IPv4, IPv6
};

struct LpmNode {
  std::uint64_t vector;
  std::uint64_t leafvec;
  std::uint32_t leaf_base;
  std::uint32_t child_base;
};
static_assert(sizeof(LpmNode) == 24 && sizeof(LpmHeader) == 48);

}  // namespace fulcrum::route
