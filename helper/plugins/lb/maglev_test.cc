// SPDX-License-Identifier: MIT
// maglev_test.cc - the Maglev table against the paper's example, a plain version, and its figures.
#include "plugins/lb/maglev.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace fulcrum::lb {
namespace {

std::vector<MaglevBackend> backends(unsigned count, std::uint32_t weight = 1) {
  std::vector<MaglevBackend> all;
  for (unsigned i = 0; i < count; ++i)
    all.push_back({*parse_address("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1)), weight,
                   static_cast<BackendId>(i)});
  return all;
}

std::map<BackendId, unsigned> shares(const std::vector<BackendId>& table) {
  std::map<BackendId, unsigned> places;
  for (BackendId id : table) ++places[id];
  return places;
}

// Table 1 of the paper: three backends, seven places, then without B1.
TEST(Maglev, MakesThePapersExample) {
  const std::vector<MaglevTurn> turns{{3, 4, 1, 0}, {0, 2, 1, 1}, {3, 1, 1, 2}};
  EXPECT_EQ(maglev_fill(turns, 7), (std::vector<BackendId>{1, 0, 1, 0, 2, 2, 0}));
  const std::vector<MaglevTurn> fewer{turns[0], turns[2]};
  EXPECT_EQ(maglev_fill(fewer, 7), (std::vector<BackendId>{0, 0, 0, 0, 2, 2, 2}));
}

// The paper's pseudocode with whole permutations, one turn for each unit of weight.
std::vector<BackendId> plain_fill(const std::vector<MaglevTurn>& turns, std::uint32_t size) {
  std::vector<std::vector<std::uint32_t>> permutation(turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i)
    for (std::uint64_t j = 0; j < size; ++j)
      permutation[i].push_back(static_cast<std::uint32_t>((turns[i].offset + j * turns[i].skip) % size));
  std::vector<std::size_t> next(turns.size(), 0);
  std::vector<BackendId> entry(size, kNoBackend);
  for (std::uint32_t n = 0; n < size;) {
    for (std::size_t i = 0; i < turns.size() && n < size; ++i) {
      while (entry[permutation[i][next[i]]] != kNoBackend) ++next[i];
      entry[permutation[i][next[i]]] = turns[i].id;
      ++next[i], ++n;
    }
  }
  return entry;
}

TEST(Maglev, EqualsThePlainVersion) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const std::uint32_t size : {7u, 251u, 1009u, 65537u}) {
    std::vector<MaglevTurn> turns;
    for (BackendId id = 0; id < 1 + random() % 6; ++id)
      turns.push_back(
          {static_cast<std::uint32_t>(random() % size), static_cast<std::uint32_t>(random() % (size - 1) + 1), 1, id});
    EXPECT_EQ(maglev_fill(turns, size), plain_fill(turns, size)) << size;
  }
}

// Section 3.4: with a table of more than 100 places a backend, shares differ by at most 1 %.
TEST(Maglev, SharesAreEvenToOnePercent) {
  for (const unsigned count : {3u, 10u, 100u, 600u}) {
    const auto places = shares(maglev_table(backends(count), 65537));
    ASSERT_EQ(places.size(), count);
    const auto [least, most] = std::minmax_element(places.begin(), places.end(),
                                                   [](const auto& a, const auto& b) { return a.second < b.second; });
    EXPECT_LE(most->second - least->second, 1 + most->second / 100) << count;
  }
}

TEST(Maglev, SharesFollowWeights) {
  auto some = backends(4);
  some[0].weight = 1, some[1].weight = 2, some[2].weight = 5, some[3].weight = 0;
  auto places = shares(maglev_table(some, 65537));
  EXPECT_EQ(places.count(3), 0u);
  const double unit = 65537 / 8.0;
  EXPECT_NEAR(places[0], unit, unit / 100);
  EXPECT_NEAR(places[1], 2 * unit, 2 * unit / 100);
  EXPECT_NEAR(places[2], 5 * unit, 5 * unit / 100);
  EXPECT_TRUE(maglev_table(std::span(some).subspan(3), 65537).empty());
}

TEST(Maglev, OrderOfNamesDoesNotMatter) {
  auto some = backends(20);
  some[3].weight = 7;
  const auto table = maglev_table(some, 65537);
  std::shuffle(some.begin(), some.end(), std::mt19937(1));
  EXPECT_EQ(maglev_table(some, 65537), table);
}

// Places that change although their backend is still there: few, as section 5.3 of the
// paper has it, but not none. Those that have to change are 1 / count of all.
double needless_share(unsigned count, BackendId gone, std::uint32_t size) {
  auto some = backends(count);
  const auto before = maglev_table(some, size);
  some.erase(some.begin() + gone);
  const auto after = maglev_table(some, size);
  unsigned moved = 0;
  for (std::uint32_t i = 0; i < size; ++i) moved += before[i] != gone && before[i] != after[i];
  return static_cast<double>(moved) / size;
}

TEST(Maglev, FewPlacesMoveWhenABackendGoes) {
  for (const unsigned count : {3u, 10u, 100u, 600u}) {
    double worst = 0;
    for (BackendId gone = 0; gone < std::min(count, 10u); ++gone)
      worst = std::max(worst, needless_share(count, gone, 65537));
    RecordProperty("needless_permyriad_of_" + std::to_string(count), static_cast<int>(worst * 10000));
    EXPECT_LE(worst, 0.01) << count;
  }
}

TEST(Maglev, KnowsPrimes) {
  for (const std::uint32_t p : {2u, 3u, 65537u, 655373u, 5000011u}) EXPECT_TRUE(is_prime(p)) << p;
  for (const std::uint32_t n : {0u, 1u, 4u, 65536u, 65535u, 25u}) EXPECT_FALSE(is_prime(n)) << n;
}

TEST(Maglev, EveryHashHasAPlace) {
  EXPECT_EQ(maglev_place(0, 65537), 0u);
  EXPECT_EQ(maglev_place(~std::uint64_t{0}, 65537), 65536u);
}

}  // namespace
}  // namespace fulcrum::lb
