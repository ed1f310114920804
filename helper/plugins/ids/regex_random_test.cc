// SPDX-License-Identifier: MIT
// regex_random_test.cc - random expressions on random texts: kernel, Hyperscan and
// PCRE2 give one answer. FULCRUM_TEST_SEED repeats a run.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "regex_judges.h"
#include "regex_positions.h"

namespace fulcrum::ids {
namespace {

// Expressions over a small alphabet, so that they match now and then.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

  std::string text() {
    static const char kBytes[] = "aabbcA_ -\n\n\xe9z";
    std::string out(1 + below(24), 0);
    for (char& c : out) c = kBytes[below(sizeof kBytes - 1)];
    return out;
  }

  Regex expression() {
    for (;;) {
      std::string line = "/" + alternatives(3) + "/";
      for (char flag : {'i', 'm', 's'})
        if (below(3) == 0) line += flag;
      RegexLine parsed = parse_regex_line(line);
      EXPECT_EQ(parsed.error, "") << line;
      if (!make_positions(parsed.regex.tree).problem.empty()) continue;  // can never match
      parsed.regex.where = line;
      return std::move(parsed.regex);
    }
  }

 private:
  std::string atom(int depth) {
    static const char* const kAtoms[] = {"a",      "b",           "c",     "A",      "_",   "ab",   "\\n",
                                         ".",      "\\w",         "\\W",   "\\s",    "\\d", "[ab]", "[^a]",
                                         "[a-c_]", "[[:alpha:]]", "\\xe9", "[^\\n]", "-",   "z"};
    if (depth == 0 || below(3)) return kAtoms[below(std::size(kAtoms))];
    static const char* const kOpen[] = {"(", "(?:", "(?i:", "(?s-i:", "(?m:"};
    return kOpen[below(std::size(kOpen))] + alternatives(depth - 1) + ")";
  }
  std::string piece(int depth) {
    static const char* const kPlaces[] = {"^", "$", "\\b", "\\B", "\\A", "\\z", "\\Z"};
    if (below(8) == 0) return kPlaces[below(std::size(kPlaces))];
    static const char* const kRepeats[] = {"*", "+", "?", "*?", "{2}", "{0,2}", "{1,}", "{1,3}?", "{3,5}"};
    std::string out = atom(depth);
    if (below(3) == 0) {
      if (out.size() > 1 && out[0] != '(' && out[0] != '[' && out[0] != '\\') out = "(?:" + out + ")";
      out += kRepeats[below(std::size(kRepeats))];
    }
    return out;
  }
  std::string alternatives(int depth) {
    std::string out;
    for (std::uint32_t k = 1 + below(4); k > 0; --k) out += piece(depth);
    return below(4) ? out : out + "|" + alternatives(depth > 0 ? depth - 1 : 0);
  }

  std::mt19937 random_;
};

unsigned seed() {
  const char* given = std::getenv("FULCRUM_TEST_SEED");
  return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

// PCRE2 backtracks, and gives up on some of what comes up here.
constexpr std::uint32_t kGaveUp = 0xffffffff;

RegexResults search_by_pcre(std::span<const Regex> expressions, std::span<const std::string> texts) {
  RegexResults out(texts.size(), 0);
  for (std::size_t e = expressions.size(); e-- > 0;) {
    const Pcre pcre(expressions[e]);
    EXPECT_TRUE(pcre.compiled()) << expressions[e].where;
    for (std::size_t t = 0; pcre.compiled() && t < texts.size(); ++t) {
      if (const auto match = pcre.matches(texts[t]); match.value_or(true))
        out[t] = match ? static_cast<std::uint32_t>(e + 1) : kGaveUp;
    }
  }
  return out;
}

class RegexRandom : public testing::Test {
 protected:
  RegexRandom() : seed_(seed()), make_(seed_) { RecordProperty("seed", std::to_string(seed_)); }

  std::string describe(std::span<const Regex> expressions, const std::string& text) {
    std::string out = "seed " + std::to_string(seed_) + ", text \"";
    for (unsigned char c : text) out += c == '\n' ? "\\n" : std::string(1, static_cast<char>(c));
    for (const Regex& r : expressions) out += "\" " + r.where;
    return out;
  }

  // One that Hyperscan takes: in a set it refuses all or none.
  Regex scannable_expression() {
    for (;;) {
      Regex r = make_.expression();
      std::string why;
      if (search_by_hyperscan({&r, 1}, {}, why)) return r;
    }
  }

  // Sets of `count` expressions; Hyperscan is asked where it takes them all.
  void play(unsigned rounds, unsigned count, const RegexBudget& budget) {
    unsigned by_hyperscan = 0, matched = 0, gave_up = 0;
    for (unsigned round = 0; round < rounds && !HasFailure(); ++round) {
      std::vector<Regex> expressions;
      while (expressions.size() < count) expressions.push_back(count > 1 ? scannable_expression() : make_.expression());
      std::vector<std::string> texts(60);
      for (std::string& t : texts) t = make_.text();
      const RegexTable table = build_regex(expressions, budget);
      ASSERT_TRUE(table.errors.empty()) << table.errors[0];
      RegexResults want = search_by_pcre(expressions, texts);
      std::string why;
      const auto scanned = search_by_hyperscan(expressions, texts, why);
      by_hyperscan += scanned.has_value();
      for (std::size_t t = texts.size(); t-- > 0;) {
        if (want[t] != kGaveUp) continue;
        ++gave_up;
        if (scanned) {
          want[t] = (*scanned)[t];
          continue;
        }
        want.erase(want.begin() + static_cast<std::ptrdiff_t>(t));
        texts.erase(texts.begin() + static_cast<std::ptrdiff_t>(t));
      }
      for (const KernelVariant& v : search_by_kernel(table, texts))
        for (std::size_t t = 0; t < texts.size(); ++t)
          ASSERT_EQ(v.results[t], want[t]) << v.name << ", PCRE2, " << describe(expressions, texts[t]);
      for (std::size_t t = 0; t < texts.size(); ++t) {
        matched += want[t] != 0;
        if (scanned) {
          EXPECT_EQ((*scanned)[t], want[t]) << "Hyperscan, PCRE2, " << describe(expressions, texts[t]);
        }
      }
    }
    std::printf("# seed %u: %u sets of %u, %u of them by Hyperscan too, %u texts matched\n", seed_, rounds, count,
                by_hyperscan, matched);
    EXPECT_LT(gave_up, rounds * 6) << "texts of " << rounds * 60 << " that PCRE2 gave up on";
    EXPECT_GT(by_hyperscan, 0u);
    EXPECT_GT(matched, 0u);
  }

  unsigned seed_;
  Maker make_;
};

// Hardly any expression is deterministic in 2 states: the others become sets of bits.
constexpr RegexBudget kBitsOnly{.alone_states = 2};

TEST_F(RegexRandom, One) { play(1500, 1, {}); }
TEST_F(RegexRandom, OneAsBits) { play(1500, 1, kBitsOnly); }
TEST_F(RegexRandom, Several) { play(100, 8, {}); }
TEST_F(RegexRandom, SeveralAsBits) { play(100, 8, kBitsOnly); }
TEST_F(RegexRandom, SeveralInSmallGroups) { play(30, 20, {.group_states = 60}); }

}  // namespace
}  // namespace fulcrum::ids
