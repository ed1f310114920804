// SPDX-License-Identifier: MIT
// route.core.h - IP packets -> next-hop results, the only copy of the lookup.
//
// Included once by each launcher (kernel.cc, kernel.v3.cc, kernel.v4.cc) and by
// the element. Everything here has internal linkage and uses no library
// templates: code built for AVX-512 must never be picked by the linker for a
// baseline caller.
//
// Packets go through in groups: each stage issues the loads of all lanes before
// the next stage needs them, so that cache misses of a large table overlap.
#pragma once

#include "lpm_table.h"

namespace fulcrum::route {
namespace {

constexpr unsigned kLanes = 16;

struct LpmPacket {
  const std::uint8_t* l3;
  std::uint32_t bytes;
};

struct LpmLane {
  std::uint64_t hi, lo;  // address bits not consumed yet, from the top
  const std::uint32_t* root;
  const LpmNode* node;
};

inline std::uint32_t lpm_load_be32(const std::uint8_t* p) {
  std::uint32_t v;
  __builtin_memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}

inline std::uint64_t lpm_load_be64(const std::uint8_t* p) {
  std::uint64_t v;
  __builtin_memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}

inline void lpm_consume(LpmLane& a, unsigned bits) {
  a.hi = a.hi << bits | a.lo >> (64 - bits);
  a.lo <<= bits;
}

// Destination address and root slot of a packet; false: not IP, or cut short.
inline bool lpm_start(const LpmHeader& t, LpmPacket p, LpmLane& a) {
  if (p.bytes < 20) return false;
  const unsigned version = p.l3[0] >> 4;
  if (version == 4) {
    a.hi = std::uint64_t{lpm_load_be32(p.l3 + 16)} << 32;
    a.lo = 0;
  } else if (version == 6 && p.bytes >= 40) {
    a.hi = lpm_load_be64(p.l3 + 24);
    a.lo = lpm_load_be64(p.l3 + 32);
  } else {
    return false;
  }
  const LpmFamily& f = t.family[version == 6];
  const auto* root = reinterpret_cast<const std::uint32_t*>(reinterpret_cast<const char*>(&t) + f.root_off_bytes);
  a.root = root + (a.hi >> (64 - f.root_bits));
  lpm_consume(a, f.root_bits);
  return true;
}

// One node down. True: `next_hop` is the answer.
inline bool lpm_step(const LpmNode* nodes, const std::uint32_t* leaves, LpmLane& a, std::uint32_t& next_hop) {
  const LpmNode& n = *a.node;
  const unsigned slot = a.hi >> 58;
  const std::uint64_t upto = ~std::uint64_t{0} >> (63 - slot);
  if (n.vector >> slot & 1) {
    a.node = nodes + n.child_base + __builtin_popcountll(n.vector & upto) - 1;
    __builtin_prefetch(a.node);
    lpm_consume(a, 6);
    return false;
  }
  next_hop = leaves[n.leaf_base + __builtin_popcountll(n.leafvec & upto) - 1];
  return true;
}

inline std::uint32_t lpm_result(const LpmHeader& t, std::uint32_t next_hop) { return next_hop ? t.tag | next_hop : 0; }

// `get(k)` yields the k-th packet; result[k] is written for every k < count <= kLanes.
template <class Get>
inline void lpm_group(const LpmHeader& t, std::uint32_t count, Get get, std::uint32_t* result) {
  const auto* base = reinterpret_cast<const char*>(&t);
  const auto* nodes = reinterpret_cast<const LpmNode*>(base + t.node_off_bytes);
  const auto* leaves = reinterpret_cast<const std::uint32_t*>(base + t.leaf_off_bytes);
  LpmLane lane[kLanes];
  std::uint8_t active[kLanes];
  unsigned left = 0;
  for (unsigned k = 0; k < count; ++k) {
    result[k] = 0;
    if (!lpm_start(t, get(k), lane[k])) continue;
    __builtin_prefetch(lane[k].root);
    active[left++] = static_cast<std::uint8_t>(k);
  }
  unsigned inner = 0;
  for (unsigned j = 0; j < left; ++j) {
    const unsigned k = active[j];
    const std::uint32_t entry = *lane[k].root;
    if (entry & kLpmLeaf) {
      result[k] = lpm_result(t, entry & ~kLpmLeaf);
    } else {
      lane[k].node = nodes + entry;
      __builtin_prefetch(lane[k].node);
      active[inner++] = static_cast<std::uint8_t>(k);
    }
  }
  while (inner) {
    const unsigned walking = inner;
    inner = 0;
    for (unsigned j = 0; j < walking; ++j) {
      const unsigned k = active[j];
      std::uint32_t next_hop;
      if (lpm_step(nodes, leaves, lane[k], next_hop))
        result[k] = lpm_result(t, next_hop);
      else
        active[inner++] = static_cast<std::uint8_t>(k);
    }
  }
}

template <class Get>
inline void lpm_lookup(const void* table, std::uint32_t count, Get get, std::uint32_t* result) {
  const auto& t = *static_cast<const LpmHeader*>(table);
  for (std::uint32_t at = 0; at < count; at += kLanes) {
    const std::uint32_t n = count - at < kLanes ? count - at : kLanes;
    lpm_group(
        t, n, [&](std::uint32_t k) { return get(at + k); }, result + at);
  }
}

}  // namespace
}  // namespace fulcrum::route
