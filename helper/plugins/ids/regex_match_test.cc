// SPDX-License-Identifier: MIT
// regex_match_test.cc - RegexMatch: syntax, errors with their place, automata of
// both kinds, and one answer by process() and by kernel and finish().
#include "regex_match.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "base/cpu.h"
#include "ids_testing.h"
#include "regex_judges.h"

namespace fulcrum::ids {
namespace {

Mask matched_by_all(RegexMatch& element, Frames& frames) {
  Mask by_cpu[2] = {};
  Batch before = frames.b;
  element.process(frames.b, frames.b.all(), by_cpu);
  for (bool in_place : {true, false}) {
    Batch other = before;
    Mask by_device[2] = {};
    by_task(element, other, in_place, Isa::kV2, by_device);
    EXPECT_EQ(by_cpu[0], by_device[0]);
    EXPECT_EQ(by_cpu[1], by_device[1]);
    EXPECT_EQ(std::memcmp(frames.b.alert, other.alert, 4 * other.count), 0);
  }
  EXPECT_EQ(by_cpu[0] | by_cpu[1], frames.b.all());
  return by_cpu[1];
}

TEST(RegexMatch, SearchesPayloadsOnly) {
  TestSetup setup;
  RegexMatch element;
  const std::vector<Arg> args{{"PATTERNS", "/GET \\/[a-z]+/i", true, {1, 1}}, {"", "7:/^x*$/", true, {1, 2}}};
  ASSERT_TRUE(element.configure(args, setup).empty());
  Frames f;
  f.add("get /Index");
  f.add("GET /1");
  f.add("xx\n");
  f.add("xx", "y");
  f.add("1", "GET /a");
  f.add("");
  EXPECT_EQ(matched_by_all(element, f), Mask{0b001101});
  EXPECT_EQ(f.b.alert[0], 1u);
  EXPECT_EQ(f.b.alert[2], 2u);
  EXPECT_EQ(f.b.alert[5], 0u) << "no bytes, no match";
  EXPECT_EQ(element.counters()[0].value, 3u * 3);
}

TEST(RegexMatch, RefusesWrongArguments) {
  TestSetup setup;
  const auto errors = [&](std::vector<Arg> args) {
    std::string out;
    for (const ArgError& e : RegexMatch().configure(args, setup)) out += e.text + "\n";
    return out;
  };
  EXPECT_EQ(errors({}), "needs to know what to search for\n");
  EXPECT_EQ(errors({{"PATTERN", "/x/", true, {}}}), "unknown argument 'PATTERN'\n");
  EXPECT_EQ(errors({{"PATTERNS", "x", true, {}}, {"", "/a(/", true, {}}}),
            "byte 1: wants /EXPRESSION/FLAGS or ID:/EXPRESSION/FLAGS\nbyte 3: ( is not closed by )\n")
      << "all errors in one go";
  EXPECT_EQ(errors({{"PATTERNS", "/x/", true, {}}, {"FILE", "y", true, {}}}), "'FILE' cannot stand behind PATTERNS\n");
  EXPECT_EQ(errors({{"PATTERNS", "/a[^\\x00-\\xff]/", true, {}}}), "expression 1: can never match\n");
  EXPECT_EQ(errors({{"PATTERNS", "/(?:a^b)?x$y?/", true, {}}}).rfind("Hyperscan: expression 1: ", 0), 0u);
  EXPECT_EQ(errors({{"FILE", "/nonexistent", true, {}}}), "/nonexistent: cannot be read: No such file or directory\n");
  EXPECT_EQ(errors({{"FILE", "/nonexistent", true, {}}, {"", "x", true, {}}}),
            "nothing can stand behind FILE and its value\n");
}

TEST(RegexList, ReadsFiles) {
  const RegexList list = parse_regexes("# head\n/a\\/b/\n\n12:/x/y/ims\r\n", "p");
  ASSERT_TRUE(list.errors.empty()) << list.errors[0];
  ASSERT_EQ(list.expressions.size(), 2u);
  EXPECT_EQ(list.expressions[0].text, "a\\/b");
  EXPECT_EQ(list.expressions[1].text, "x/y");
  EXPECT_EQ(list.expressions[1].where, "p:4");
  EXPECT_TRUE(list.expressions[1].flags.nocase && list.expressions[1].flags.multiline &&
              list.expressions[1].flags.dotall);
}

TEST(RegexList, ErrorsNameThePlace) {
  const std::pair<const char*, const char*> kCases[] = {
      {"/ok/\n3:/ab\\1/\n", "f:2:6: back references are not supported"},
      {"/a(?=b)/", "f:1:3: look-ahead is not supported"},
      {"/(?<!b)/", "f:1:2: look-behind is not supported"},
      {"/a++/", "f:1:3: possessive repeats are not supported"},
      {"/(?>a)/", "f:1:2: atomic groups are not supported"},
      {"/(?R)/", "f:1:2: recursion is not supported"},
      {"/\\p{L}/", "f:1:2: Unicode properties are not supported"},
      {"/a/x", "f:1:4: unknown flag"},
      {"/[b-a]/", "f:1:3: the range is backwards"},
      {"/[a/", "f:1:2: [ is not closed by ]"},
      {"/*a/", "f:1:2: * has nothing to repeat"},
      {"/\\b+/", "f:1:4: nothing to repeat"},
      {"/a{3,2}/", "f:1:3: the numbers in braces are the wrong way round"},
      {"//", "f:1:1: expression is empty"},
      {"abc", "f:1:1: wants /EXPRESSION/FLAGS"},
      {"# none\n", "f: holds no expression"},
  };
  for (const auto& [text, want] : kCases) {
    const RegexList list = parse_regexes(text, "f");
    ASSERT_EQ(list.errors.size(), 1u) << text;
    EXPECT_EQ(list.errors[0].substr(0, std::strlen(want)), want);
  }
}

Regex regex(const std::string& line) {
  RegexLine parsed = parse_regex_line(line);
  EXPECT_EQ(parsed.error, "") << line;
  parsed.regex.where = line;
  return std::move(parsed.regex);
}

// A repeat behind a free start: 2^40 deterministic states, 45 bits.
TEST(RegexBuild, LargeOnesBecomeBits) {
  const Regex expressions[] = {regex("/a.{40}bcd/s"), regex("/x[^y]{300}z/s"), regex("/Ab.{60}c\\b/")};
  const RegexTable table = build_regex(expressions);
  ASSERT_TRUE(table.errors.empty()) << table.errors[0];
  EXPECT_EQ(table.dfas, 0u);
  EXPECT_EQ(table.nfas, 1u);
  std::vector<std::string> texts{"a" + std::string(40, '\n') + "bcd", "aa" + std::string(40, 'a') + "bcd",
                                 "x" + std::string(300, '.') + "z",   "x" + std::string(299, '.') + "yz",
                                 "Ab" + std::string(60, '.') + "c",   "Ab" + std::string(60, '.') + "c ",
                                 "Ab" + std::string(60, '.') + "cc",  std::string(500, 'x') + "z"};
  const RegexResults want{1, 1, 2, 0, 3, 3, 0, 2};
  for (const KernelVariant& v : search_by_kernel(table, texts)) EXPECT_EQ(v.results, want) << v.name;
  std::string why;
  EXPECT_EQ(search_by_hyperscan(expressions, texts, why), want) << why;
}

TEST(RegexBuild, TooLargeIsRefused) {
  for (const char* line : {"/a.{600}b/s", "/(?:(?:ab?){90}){90}/", "/(?:(?:(?:){999}){999}){999}/"}) {
    const Regex one = regex(line);
    const RegexTable table = build_regex({&one, 1});
    ASSERT_EQ(table.errors.size(), 1u) << line;
    EXPECT_EQ(table.errors[0].find(std::string(line) + ": too large: "), 0u) << table.errors[0];
  }
}

}  // namespace
}  // namespace fulcrum::ids
