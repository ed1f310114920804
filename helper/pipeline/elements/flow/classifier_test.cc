// SPDX-License-Identifier: MIT
// classifier_test.cc - Classifier against a reading of its patterns byte by byte; IPClassifier.
#include <gtest/gtest.h>

#include <random>

#include "pipeline/elements/flow/byte_patterns.h"
#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

// The pattern language the plain way, from its text.
bool naive_clause(std::string_view c, const Bytes& f) {
  const bool negated = c.starts_with('!');
  if (negated) c.remove_prefix(1);
  const std::size_t slash = c.find('/'), percent = c.find('%');
  const std::size_t offset = std::stoul(std::string(c.substr(0, slash)));
  const std::string value(c.substr(slash + 1, percent == c.npos ? c.npos : percent - slash - 1));
  const std::string mask = percent == c.npos ? std::string(value.size(), 'f') : std::string(c.substr(percent + 1));
  bool equal = true;
  for (std::size_t k = 0; k < value.size(); ++k) {
    const int m = value[k] == '?' ? 0 : std::stoi(std::string(1, mask[k]), nullptr, 16);
    if (!m) continue;
    const std::size_t at = offset + k / 2;
    const int want = std::stoi(std::string(1, value[k]), nullptr, 16);
    const int have = at < f.size() ? (k % 2 ? f[at] & 15 : f[at] >> 4) : -1;
    equal = equal && have >= 0 && (have & m) == (want & m);
  }
  return equal != negated;
}
bool naive(const std::string& pattern, const Bytes& f) {
  if (pattern == "-") return true;
  std::size_t at = 0;
  while (at < pattern.size()) {
    const std::size_t end = std::min(pattern.find(' ', at), pattern.size());
    if (!naive_clause(std::string_view(pattern).substr(at, end - at), f)) return false;
    at = end + 1;
  }
  return true;
}
unsigned naive_match(const std::vector<std::string>& patterns, const Bytes& f) {
  for (unsigned k = 0; k < patterns.size(); ++k)
    if (naive(patterns[k], f)) return k;
  return static_cast<unsigned>(patterns.size());
}

PatternGraph compiled(const std::vector<std::string>& patterns) {
  std::vector<BytePattern> parsed;
  for (const std::string& p : patterns) parsed.push_back(*parse_byte_pattern(p));
  return PatternGraph(parsed);
}

TEST(BytePatterns, TakeWhatClickTakes) {
  for (const char* good : {"-", "12/0800", "12/0800 23/06", "!12/0800", "0/ff%80", "14/4?", "14/4?%f0", "3/0102030405"})
    EXPECT_TRUE(parse_byte_pattern(good)) << good;
  for (const char* bad : {"12", "/08", "12/", "12/080", "12/0800%ff", "12/0800%", "12/zz", "12/08%zz", "x/08",
                          "70000/08", "- 12/0800", "!", "!-", "!12/??", "12/08%??", "-1/08"})
    EXPECT_FALSE(parse_byte_pattern(bad)) << bad;
  EXPECT_NE(parse_byte_pattern("12/080").error().text.find("'12/080' is not a byte pattern: valid is OFFSET/VALUE"),
            std::string::npos);
}

TEST(BytePatterns, ShareWordsBetweenPatterns) {
  EXPECT_EQ(compiled({"12/0806 20/0001", "12/0806 20/0002", "12/0800", "12/86dd", "-"}).size(), 5u)
      << "the type is looked at as often as there are types";
  EXPECT_EQ(compiled({"-", "12/0800"}).size(), 0u);
}

// Patterns and frames of few different bytes, so that all ways through a graph are taken.
std::string random_pattern(std::mt19937& random) {
  const char* digits = "01?";
  std::string text;
  for (unsigned clauses = 1 + random() % 3; clauses; --clauses) {
    const unsigned bytes = 1 + random() % 5;
    std::string value, mask;
    for (unsigned k = 0; k < 2 * bytes; ++k) {
      value += k % 2 ? digits[random() % 3] : '0';
      mask += "01f"[random() % 3];
    }
    const bool masked = random() % 4 == 0;
    if (masked) mask.back() = 'f';
    value.back() = static_cast<char>('0' + random() % 2);  // some bit counts, as negation needs
    text += (text.empty() ? "" : " ") + std::string(random() % 4 ? "" : "!") + std::to_string(random() % 12) + "/" +
            value + (masked ? "%" + mask : "");
  }
  return text;
}

TEST(BytePatterns, AgreeWithAPlainReading) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  unsigned matched = 0, unmatched = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<std::string> patterns;
    for (unsigned n = 1 + random() % (round % 20 ? 8 : 64); n; --n) patterns.push_back(random_pattern(random));
    const PatternGraph graph = compiled(patterns);
    for (int k = 0; k < 100; ++k) {
      Bytes frame(random() % 20);
      for (std::uint8_t& b : frame) b = random() % 2;
      const unsigned expected = naive_match(patterns, frame);
      ASSERT_EQ(graph.match(frame.data(), static_cast<std::uint32_t>(frame.size())), expected);
      ++(expected < patterns.size() ? matched : unmatched);
    }
  }
  EXPECT_GT(matched, 1000u);
  EXPECT_GT(unmatched, 1000u);
}

// 64 patterns that overlap in every way stay small and right.
TEST(BytePatterns, StayBoundedWhereEveryTestMatters) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<std::string> patterns;
  for (unsigned k = 0; k < 64; ++k) {
    std::string p;
    for (unsigned c = 0; c < 8; ++c)
      p += (c ? " " : "") + std::to_string(random() % 128 * 4) + "/0" + "01"[random() % 2];
    patterns.push_back(p);
  }
  const PatternGraph graph = compiled(patterns);
  EXPECT_LT(graph.size(), 20000u);
  unsigned matched = 0;
  for (int k = 0; k < 2000; ++k) {
    Bytes frame(512);
    for (std::uint8_t& b : frame) b = random() % 2;
    const unsigned expected = naive_match(patterns, frame);
    ASSERT_EQ(graph.match(frame.data(), 512), expected);
    matched += expected < 64;
  }
  EXPECT_GT(matched, 50u);
}

TEST(Classifier, SplitsAndDropsTheRest) {
  TestPipeline p(
      "FromPort(x) -> c :: Classifier(12/0800 23/11, 12/86dd);"
      "c[0] -> ToPort(x); c[1] -> ToPort(y);");
  Bytes tcp = testing::udp4();
  tcp[23] = 6;
  TestBatch batch({testing::udp4(), testing::udp6(), tcp, Bytes(13)});
  ASSERT_TRUE(p.run(batch.batch)) << p.diag.text();
  EXPECT_EQ(batch.batch.out_port[0], 0);
  EXPECT_EQ(batch.batch.out_port[1], 1);
  EXPECT_EQ(p.reason(batch.batch, 2), "no_pattern");
  EXPECT_EQ(p.reason(batch.batch, 3), "no_pattern");
  EXPECT_EQ(p.counter("c", "no_pattern"), 2u);
}

TEST(Classifier, RefusesPatternsWhereTheyStand) {
  TestPipeline p("FromPort(x) -> c :: Classifier(12/0800,\n 12/0);\nc -> ToPort(x);");
  EXPECT_NE(p.diag.text().find("test.click:2:2: error: Classifier: '12/0' is not a byte pattern"), std::string::npos)
      << p.diag.text();
  TestPipeline none("FromPort(x) -> c :: Classifier -> ToPort(x);");
  EXPECT_NE(none.diag.text().find("a pattern is missing"), std::string::npos) << none.diag.text();
}

TEST(IPClassifier, RunsExpressionsInOrder) {
  TestPipeline p(
      "FromPort(x) -> c :: IPClassifier(udp dst port 2000 and ip, ip6, len > 500, -);"
      "c[0] -> Discard(a); c[1] -> Discard(b); c[2] -> Discard(c); c[3] -> Discard(d);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  Bytes other = testing::udp4();
  other[37] ^= 1;
  Bytes long_one = testing::udp4(900);
  long_one[37] ^= 1;
  TestBatch batch({testing::udp4(), testing::udp6(), other, long_one, Bytes(), Bytes(5)});
  ASSERT_TRUE(p.run(batch.batch));
  const char* expected[] = {"a", "b", "d", "c", "d", "d"};
  for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(p.reason(batch.batch, i), expected[i]) << i;
}

TEST(IPClassifier, ShowsWhatLibpcapSays) {
  TestPipeline p("FromPort(x) -> IPClassifier(tcp,\n udp prot 53) -> ToPort(x);");
  EXPECT_NE(
      p.diag.text().find("test.click:2:2: error: IPClassifier: 'udp prot 53' is no expression that libpcap takes: "),
      std::string::npos)
      << p.diag.text();
}

}  // namespace
}  // namespace fulcrum
