// SPDX-License-Identifier: MIT
// match_test.cc - automaton, Hyperscan and a plain search give one answer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "device/testing.h"
#include "fulcrum/isa.h"
#include "kernel.h"
#include "match_build.h"
#include "patterns.h"
#include "scanner.h"

namespace fulcrum::ids {
namespace {

struct Variant {
  const char* name;
  KernelFn run;
  bool supported;
};

std::vector<Variant> variants() {
  const CpuCode& c = kMatchKernel.cpu;
  return {{"v2", c.v2, true},
          {"v3", c.v3, isa_supported(Isa::kV3)},
          {"v4", c.v4, isa_supported(Isa::kV4)},
          {"knl", c.knl, isa_supported(Isa::kKnl)}};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool holds(std::string_view text, const Pattern& p) {
  const auto same = [&](char a, char b) { return p.nocase ? lower(a) == lower(b) : a == b; };
  return std::search(text.begin(), text.end(), p.bytes.begin(), p.bytes.end(), same) != text.end();
}

std::uint32_t plain_search(const std::vector<Pattern>& patterns, std::string_view text) {
  for (std::size_t k = 0; k < patterns.size(); ++k)
    if (holds(text, patterns[k])) return static_cast<std::uint32_t>(k + 1);
  return 0;
}

// Runs every variant; `plain` also asks the slow search.
void expect_same(const std::vector<Pattern>& patterns, const std::vector<std::string>& payloads, bool plain) {
  auto database = ScanDatabase::compile(patterns);
  ASSERT_TRUE(database) << database.error().text;
  auto scanner = Scanner::open(*database);
  ASSERT_TRUE(scanner) << scanner.error().text;
  std::vector<std::uint32_t> want, offset, length;
  std::string bytes;
  for (const std::string& p : payloads) {
    offset.push_back(static_cast<std::uint32_t>(bytes.size()));
    length.push_back(static_cast<std::uint32_t>(p.size()));
    bytes += p;
    want.push_back(scanner->lowest(reinterpret_cast<const std::uint8_t*>(p.data()), length.back()));
    if (plain) {
      ASSERT_EQ(want.back(), plain_search(patterns, p)) << "Hyperscan, payload " << want.size() - 1;
    }
  }
  const MatchTable table = build_match(patterns);
  for (const Variant& v : variants()) {
    if (!v.supported) {
      std::printf("# kernel variant %s: this CPU lacks it, not run\n", v.name);
      continue;
    }
    const auto result = testing::run_on_ranges(v.run, reinterpret_cast<const std::uint8_t*>(bytes.data()), offset,
                                               length, table.data());
    for (std::size_t k = 0; k < payloads.size(); ++k) ASSERT_EQ(result[k], want[k]) << v.name << ", payload " << k;
  }
}

class Match : public ::testing::Test {
 protected:
  Match() { RecordProperty("seed", std::to_string(seed_)); }
  std::string text(const char* alphabet, std::size_t letters, std::size_t length) {
    std::string out(length, 0);
    for (char& c : out) c = alphabet[random_() % letters];
    return out;
  }
  unsigned seed_ = std::random_device{}();
  std::mt19937 random_{seed_};
};

TEST_F(Match, SmallAlphabets) {
  const char alphabet[] = "aAbB\0c";
  for (unsigned round = 0; round < 60; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed_) + " round " + std::to_string(round));
    const std::size_t letters = 1 + random_() % 6;
    std::vector<Pattern> patterns;
    const unsigned count = 1 + random_() % 30;
    for (unsigned i = 0; i < count; ++i)
      patterns.push_back({text(alphabet, letters, 1 + random_() % 7), round % 3 != 0 && random_() % 2});
    std::vector<std::string> payloads;
    for (unsigned i = 0; i < 100; ++i) payloads.push_back(text(alphabet, letters, random_() % 40));
    expect_same(patterns, payloads, true);
  }
}

TEST_F(Match, EveryByteValue) {
  std::string all(256, 0);
  for (unsigned c = 0; c < 256; ++c) all[c] = static_cast<char>(c);
  const std::vector<Pattern> patterns{{all, false}, {std::string("\xff\x00", 2), false}, {"Z", true}};
  expect_same(patterns, {all, std::string("\xff\x00", 2), "z", "", all.substr(1), all.substr(0, 90), "y"}, true);
}

std::string data_folder() {
  const char* data = std::getenv("FULCRUM_DATA");
  return std::string(data ? data : "../shared/data");
}

std::vector<Pattern> real_patterns(const std::string& path) { return load_patterns(path).patterns; }

// Payloads of noise with patterns and near misses strewn in.
TEST_F(Match, RealPatterns) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  const std::string path = data_folder() + "/ids/rules/snort2-community-2022-03/EXTRACT-content.tsv";
  std::vector<Pattern> patterns = real_patterns(path);
  if (patterns.empty()) GTEST_SKIP() << "no " << path << " (set FULCRUM_DATA)";
  // Short ones match nearly everything and would hide the others.
  std::erase_if(patterns, [](const Pattern& p) { return p.bytes.size() < 4; });
  std::vector<std::string> payloads;
  for (unsigned i = 0; i < 2000; ++i) {
    std::string p(random_() % 1400, 0);
    for (char& c : p) c = static_cast<char>(random_());
    for (unsigned k = 0; k < i % 4; ++k) {
      std::string word = patterns[random_() % patterns.size()].bytes;
      if (random_() % 2) word[random_() % word.size()] ^= 0x20;
      p.insert(random_() % (p.size() + 1), word);
    }
    payloads.push_back(std::move(p));
  }
  std::printf("# %zu patterns, automaton %.1f MiB\n", patterns.size(),
              static_cast<double>(build_match(patterns).bytes()) / (1 << 20));
  expect_same(patterns, payloads, false);
  payloads.resize(60);
  expect_same(patterns, payloads, true);
}

TEST(Patterns, PlainFile) {
  const PatternList list = parse_patterns("# head\nGET /\n\n|0d 0A|x\\|y\\\\|00|\r\n", "p");
  ASSERT_TRUE(list.errors.empty()) << list.errors[0];
  ASSERT_EQ(list.patterns.size(), 2u);
  EXPECT_EQ(list.patterns[0].bytes, "GET /");
  EXPECT_EQ(list.patterns[1].bytes, std::string("\r\nx|y\\\0", 7));
}

TEST(Patterns, Table) {
  const PatternList list = parse_patterns(
      "sid\tenabled\tnegated\tnocase\tcontent\n"
      "1\t1\t0\t1\tabc\n2\t0\t0\t0\toff\n3\t1\t1\t0\tnot\n4\t1\t0\t0\t|41 42|c\n5\t1\t0\t0\tABc\n",
      "p");
  ASSERT_TRUE(list.errors.empty()) << list.errors[0];
  ASSERT_EQ(list.patterns.size(), 2u) << "equal patterns count once";
  EXPECT_TRUE(list.patterns[0].nocase);
  EXPECT_EQ(list.patterns[1].bytes, "ABc");
}

TEST(Patterns, ErrorsNameTheLine) {
  for (const char* wrong : {"ok\n|0|\n", "ok\n|0d\n", "ok\nx|zz|\n", "ok\n||\n"}) {
    const PatternList list = parse_patterns(wrong, "file");
    ASSERT_EQ(list.errors.size(), 1u) << wrong;
    EXPECT_EQ(list.errors[0].rfind("file:2: ", 0), 0u) << list.errors[0];
  }
  EXPECT_EQ(parse_patterns("# nothing\n", "file").errors.size(), 1u);
  EXPECT_EQ(load_patterns("/nonexistent/file").errors.size(), 1u);
}

}  // namespace
}  // namespace fulcrum::ids
