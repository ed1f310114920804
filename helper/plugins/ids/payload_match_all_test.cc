// SPDX-License-Identifier: MIT
// payload_match_all_test.cc - PayloadMatch with MATCHES all: Hyperscan, every kernel
// variant and a plain search list the same matches. FULCRUM_TEST_SEED repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <random>

#include "base/cpu.h"
#include "ids_testing.h"
#include "payload_match.h"

namespace fulcrum::ids {
namespace {

using Matches = std::vector<PatternMatch>;

Matches listed(const PayloadMatch& element, unsigned i) {
  const auto m = element.matches(i);
  return {m.begin(), m.end()};
}

std::uint64_t counter(const PayloadMatch& element, std::string_view name) {
  for (const CounterValue& c : element.counters())
    if (name == c.name) return c.value;
  ADD_FAILURE() << "no counter " << name;
  return 0;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

Matches plain_search(const std::vector<Pattern>& patterns, std::string_view text) {
  Matches out;
  for (std::uint32_t p = 0; p < patterns.size(); ++p) {
    const std::string& word = patterns[p].bytes;
    const auto same = [&](char a, char b) { return patterns[p].nocase ? lower(a) == lower(b) : a == b; };
    for (std::size_t at = 0; at + word.size() <= text.size(); ++at)
      if (std::equal(word.begin(), word.end(), text.begin() + static_cast<std::ptrdiff_t>(at), same))
        out.push_back({static_cast<std::uint32_t>(at + word.size()), p});
  }
  std::ranges::sort(out);
  return out;
}

// One batch by Hyperscan and by each kernel, against the plain search.
void expect_same(PayloadMatch& element, const std::vector<Pattern>& patterns, std::span<const std::string> payloads) {
  Frames cpu(payloads);
  std::vector<Matches> want;
  for (const std::string& p : payloads) want.push_back(plain_search(patterns, p));
  const auto check = [&](const Batch& b, const Mask* out, const char* who) {
    for (unsigned i = 0; i < b.count; ++i) {
      ASSERT_EQ(listed(element, i), want[i]) << who << ", payload " << i;
      std::uint32_t lowest = ~0u;
      for (const PatternMatch& m : want[i]) lowest = std::min(lowest, m.pattern);
      ASSERT_EQ(b.alert[i], lowest + 1) << who << ", payload " << i;
      ASSERT_EQ(out[!want[i].empty()] >> i & 1, 1u) << who;
    }
  };
  Mask out[2] = {};
  element.process(cpu.b, cpu.b.all(), out);
  check(cpu.b, out, "Hyperscan");
  for (const Isa isa : {Isa::kV2, Isa::kV3, Isa::kKnl, Isa::kV4}) {
    if (!isa_supported(isa)) continue;
    Frames device(payloads);
    Mask by_device[2] = {};
    by_task(element, device.b, false, isa, by_device);
    check(device.b, by_device, isa_name(isa));
  }
}

class MatchAll : public testing::Test {
 protected:
  MatchAll() : seed_(given_seed()), random_(seed_) { std::printf("# seed %u\n", seed_); }
  static unsigned given_seed() {
    const char* given = std::getenv("FULCRUM_TEST_SEED");
    return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
  }
  std::string text(std::size_t letters, std::size_t length) {
    std::string out(length, 0);
    for (char& c : out) c = "aAb\0cd"[random_() % letters];
    return out;
  }
  unsigned seed_;
  std::mt19937 random_;
  TestSetup setup_;
};

TEST_F(MatchAll, SmallAlphabets) {
  std::uint64_t again = 0, matches = 0;
  for (unsigned round = 0; round < 100 && !HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed_) + " round " + std::to_string(round));
    const std::size_t letters = 2 + random_() % 5;
    std::vector<Pattern> patterns;
    std::vector<Arg> args;
    for (unsigned k = 1 + static_cast<unsigned>(random_() % 12); k > 0; --k) {
      patterns.push_back({text(letters, 1 + random_() % 6), false});
      args.push_back({args.empty() ? "PATTERNS" : "", patterns.back().bytes, true, {}});
    }
    args.push_back({"MATCHES", "all", false, {}});
    PayloadMatch element;
    ASSERT_TRUE(element.configure(args, setup_).empty());
    std::vector<std::string> payloads(kBatchSize);
    for (std::string& p : payloads) p = text(letters, random_() % 40);
    expect_same(element, patterns, payloads);
    again += counter(element, "searched_again");
    matches += counter(element, "matches");
  }
  EXPECT_GT(again, 100u) << "packets with more matches than a device lists";
  EXPECT_GT(matches, again);
}

// Noise with patterns and near misses strewn in.
std::vector<std::string> strewn(const std::vector<Pattern>& patterns, std::mt19937& random) {
  std::vector<std::string> payloads(kBatchSize);
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    payloads[i].resize(random() % 300);
    // Bytes that are in few short patterns, so that some packets have few matches.
    for (char& c : payloads[i]) c = static_cast<char>(0x80 + random() % 64);
    for (std::size_t k = 0; k < i % 4; ++k) {
      std::string word = patterns[random() % patterns.size()].bytes.substr(0, 250);
      if (random() % 2) word[random() % word.size()] ^= 0x20;
      payloads[i].insert(random() % (payloads[i].size() + 1), word);
    }
  }
  return payloads;
}

TEST_F(MatchAll, RealPatterns) {
  const char* data = std::getenv("FULCRUM_DATA");
  const std::string folder = std::string(data ? data : "../shared/data") + "/ids/rules";
  std::error_code gone;
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder, gone)) {
    const std::string path = entry.path().string() + "/EXTRACT-content.tsv";
    const std::vector<Pattern> patterns = load_patterns(path).patterns;
    if (patterns.empty()) continue;
    SCOPED_TRACE(path);
    PayloadMatch element;
    const std::vector<Arg> args{{"FILE", path, true, {}}, {"MATCHES", "all", false, {}}};
    ASSERT_TRUE(element.configure(args, setup_).empty());
    for (unsigned round = 0; round < 2 && !HasFailure(); ++round)
      expect_same(element, patterns, strewn(patterns, random_));
    std::printf("# %zu patterns of %s: %llu matches, %llu packets searched again\n", patterns.size(),
                entry.path().filename().c_str(), static_cast<unsigned long long>(counter(element, "matches")),
                static_cast<unsigned long long>(counter(element, "searched_again")));
    EXPECT_GT(counter(element, "matches"), 0u);
    ++files;
  }
  if (!files) GTEST_SKIP() << "no */EXTRACT-content.tsv in " << folder << " (set FULCRUM_DATA)";
}

// More matches in a batch than there is room for: counted, and the lowest is right.
TEST_F(MatchAll, CountsWhatDoesNotFit) {
  std::vector<Arg> args;
  for (unsigned k = 0; k < 40; ++k) args.push_back({k ? "" : "PATTERNS", std::string(40 - k, 'a'), true, {}});
  args.push_back({"MATCHES", "all", false, {}});
  PayloadMatch element;
  ASSERT_TRUE(element.configure(args, setup_).empty());
  const std::vector<std::string> payloads(4, std::string(1000, 'a'));
  const std::uint64_t in_one = 40 * 1000 - 40 * 39 / 2;
  Frames f(payloads);
  Mask out[2] = {};
  element.process(f.b, f.b.all(), out);
  EXPECT_EQ(out[1], Mask{0xf});
  EXPECT_EQ(counter(element, "matches"), 4 * in_one);
  EXPECT_EQ(counter(element, "unlisted"), 4 * in_one - MatchList::kRoom);
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(f.b.alert[i], 1u);
}

TEST_F(MatchAll, RefusesOtherValues) {
  const std::vector<Arg> args{{"PATTERNS", "a", true, {}}, {"MATCHES", "some", false, {}}};
  const auto errors = PayloadMatch().configure(args, setup_);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].text, "'some' is not a value of MATCHES");
  const std::vector<Arg> alone{{"MATCHES", "all", false, {}}};
  EXPECT_EQ(PayloadMatch().configure(alone, setup_).size(), 1u);
}

}  // namespace
}  // namespace fulcrum::ids
