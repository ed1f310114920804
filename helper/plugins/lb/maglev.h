// SPDX-License-Identifier: MIT
// maglev.h - backends with weights -> a table in which each hash finds its backend.
//
// Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer",
// NSDI 2016, section 3.4. Each backend has a permutation of the table's places,
// (offset + j * skip) mod size for j = 0, 1, …; by turns each takes the first of its
// places that is still free. A backend of weight w gets w turns where the heaviest,
// of weight W, gets W: in round r it has its turn if that brings it to r * w / W places
// rounded up. Turns go by address, so that every balancer makes the same table of the
// same backends in whatever order they were named.
//
// With more than 100 places a backend, shares differ from the weights by at most 1 %.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fulcrum/address.h"

namespace fulcrum::lb {

// Names a backend for as long as anything refers to it: see backend_book.h.
using BackendId = std::uint16_t;
inline constexpr BackendId kNoBackend = 0xffff;

struct MaglevBackend {
  IpAddress address;
  std::uint32_t weight = 1;  // 0: takes no part
  BackendId id = kNoBackend;
};

struct MaglevTurn {
  std::uint32_t offset;  // below the table's size
  std::uint32_t skip;    // 1 … size - 1
  std::uint32_t weight;  // at least 1
  BackendId id;
};

bool is_prime(std::uint32_t n) noexcept;

// `size` is a prime; empty where no backend has a weight.
std::vector<BackendId> maglev_table(std::span<const MaglevBackend> backends, std::uint32_t size);
// The same from permutations at hand, in the order of their turns.
std::vector<BackendId> maglev_fill(std::span<const MaglevTurn> turns, std::uint32_t size);

// The place of a hash; its upper half decides.
inline std::uint32_t maglev_place(std::uint64_t hash, std::uint32_t size) noexcept {
  return static_cast<std::uint32_t>((hash >> 32) * size >> 32);
}

}  // namespace fulcrum::lb
