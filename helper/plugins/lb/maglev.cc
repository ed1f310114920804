// SPDX-License-Identifier: MIT
// maglev.cc - backends with weights -> a table in which each hash finds its backend.
#include "plugins/lb/maglev.h"

#include <algorithm>
#include <cstring>

#include "fulcrum_parse.h"  // include/uapi

namespace fulcrum::lb {
namespace {

// Two hashes of an address that have nothing to do with each other, by different seeds.
std::uint64_t address_hash(const IpAddress& a, std::uint64_t seed) noexcept {
  std::uint64_t word[2];
  std::memcpy(word, a.bytes, sizeof word);
  return fulcrum_mix(fulcrum_mix(seed + word[0]) + word[1]);
}

MaglevTurn turn_of(const MaglevBackend& b, std::uint32_t size) noexcept {
  return {static_cast<std::uint32_t>(address_hash(b.address, 1) % size),
          static_cast<std::uint32_t>(address_hash(b.address, 2) % (size - 1) + 1), b.weight, b.id};
}

bool before(const IpAddress& a, const IpAddress& b) noexcept {
  if (a.v6 != b.v6) return b.v6;
  return std::memcmp(a.bytes, b.bytes, sizeof a.bytes) < 0;
}

}  // namespace

bool is_prime(std::uint32_t n) noexcept {
  for (std::uint64_t d = 2; d * d <= n; ++d)
    if (n % d == 0) return false;
  return n >= 2;
}

std::vector<BackendId> maglev_fill(std::span<const MaglevTurn> turns, std::uint32_t size) {
  if (turns.empty()) return {};
  std::uint64_t heaviest = 0;
  for (const MaglevTurn& t : turns) heaviest = std::max<std::uint64_t>(heaviest, t.weight);
  std::vector<BackendId> table(size, kNoBackend);
  struct Progress {
    std::uint32_t place;
    std::uint64_t taken = 0;
  };
  std::vector<Progress> progress;
  for (const MaglevTurn& t : turns) progress.push_back({t.offset});
  std::uint32_t filled = 0;
  for (std::uint64_t round = 1;; ++round) {
    for (std::size_t i = 0; i < turns.size(); ++i) {
      const MaglevTurn& t = turns[i];
      Progress& p = progress[i];
      if (p.taken * heaviest >= round * t.weight) continue;
      const auto next = [&] { p.place = static_cast<std::uint32_t>((std::uint64_t{p.place} + t.skip) % size); };
      while (table[p.place] != kNoBackend) next();
      table[p.place] = t.id;
      ++p.taken, next();
      if (++filled == size) return table;
    }
  }
}

std::vector<BackendId> maglev_table(std::span<const MaglevBackend> backends, std::uint32_t size) {
  std::vector<MaglevBackend> sorted;
  for (const MaglevBackend& b : backends)
    if (b.weight) sorted.push_back(b);
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return before(a.address, b.address); });
  std::vector<MaglevTurn> turns;
  for (const MaglevBackend& b : sorted) turns.push_back(turn_of(b, size));
  return maglev_fill(turns, size);
}

}  // namespace fulcrum::lb
