// SPDX-License-Identifier: MIT
// lexer_test.cc - tokens, positions, arguments, strings.
#include "pipeline/lexer.h"

#include <gtest/gtest.h>

#include "pipeline/variables.h"

namespace fulcrum {
namespace {

std::string tokens(const std::string& text) {
  Diagnostics diag;
  Lexer lexer(text, diag);
  std::string out;
  for (Token t = lexer.next(); t.kind != TokenKind::kEnd; t = lexer.next())
    out += t.text + "@" + std::to_string(t.pos.line) + ":" + std::to_string(t.pos.column) + " ";
  return out + diag.text();
}

std::vector<Arg> arguments(const std::string& text, Diagnostics& diag) {
  diag.set_source("t", text);
  Lexer lexer(text, diag);
  const Token open = lexer.next();
  Variables variables(nullptr);
  variables.set("five", {{{"5", false, {}}}}, {});
  variables.set("words", {{{"KEY", false, {}}, {"a b", true, {}}}}, {});
  variables.set("rest", {{{"1", false, {}}}, {{"2", false, {}}}}, {});
  variables.set("none", {}, {});
  Substitution substitution(diag);
  std::vector<Words> words;
  for (const ArgText& text : lexer.arguments(open.pos)) substitution.append(text, variables, {}, words);
  std::vector<Arg> args;
  for (const Words& w : words) args.push_back(make_arg(w));
  return args;
}

TEST(Lexer, SplitsChainsAndTellsPlaces) {
  EXPECT_EQ(tokens("a,b::C -> [0]x\n\t->y;"),
            "a@1:1 ,@1:2 b@1:3 ::@1:4 C@1:6 ->@1:8 [@1:11 0@1:12 ]@1:13 x@1:14 ->@2:2 y@2:4 ;@2:5 ");
}

TEST(Lexer, SkipsBothKindsOfComment) {
  EXPECT_EQ(tokens("a// b -> c\n/* d\n* e */f"), "a@1:1 f@3:7 ");
  EXPECT_EQ(tokens("a // no newline at the end"), "a@1:1 ");
}

TEST(Lexer, ReportsAnOpenCommentWhereItStarts) {
  Diagnostics diag;
  Lexer lexer("a\n  /* b", diag);
  lexer.next();
  lexer.next();
  ASSERT_EQ(diag.sorted().size(), 1u);
  EXPECT_EQ(diag.sorted()[0].pos.line, 2);
  EXPECT_EQ(diag.sorted()[0].pos.column, 3);
}

TEST(Lexer, SeparatesKeywordsFromValues) {
  Diagnostics diag;
  auto args = arguments("( eth0.100, ORDERING flow ,\n  TTL, SRC 02:00:00:00:00:01 /* c */, lower case)", diag);
  ASSERT_EQ(args.size(), 5u);
  EXPECT_EQ(args[0].text, "eth0.100");
  EXPECT_EQ(args[1].keyword, "ORDERING");
  EXPECT_EQ(args[1].text, "flow");
  EXPECT_EQ(args[1].pos.column, 22);
  EXPECT_EQ(args[2].keyword, "");
  EXPECT_EQ(args[2].text, "TTL");
  EXPECT_EQ(args[2].pos.line, 2);
  EXPECT_EQ(args[3].text, "02:00:00:00:00:01");
  EXPECT_EQ(args[4].text, "lower case");
  EXPECT_TRUE(diag.ok());
}

TEST(Lexer, ResolvesEscapes) {
  Diagnostics diag;
  auto args = arguments(R"_((PATTERNS "GET /", "\x00\xfF\n\t\"\\", 'raw \n', "a,b)", "//", ""))_", diag);
  ASSERT_EQ(args.size(), 6u) << diag.text();
  EXPECT_EQ(args[0].keyword, "PATTERNS");
  EXPECT_EQ(args[0].text, "GET /");
  EXPECT_TRUE(args[0].quoted);
  EXPECT_EQ(args[1].text, std::string("\x00\xff\n\t\"\\", 6));
  EXPECT_EQ(args[2].text, "raw \\n");
  EXPECT_EQ(args[3].text, "a,b)");
  EXPECT_EQ(args[4].text, "//");
  EXPECT_EQ(args[5].text, "");
}

TEST(Lexer, KeepsDoubleSlashInsideAWord) {
  Diagnostics diag;
  auto args = arguments("(FILE dir//file.txt)", diag);
  ASSERT_EQ(args.size(), 1u);
  EXPECT_EQ(args[0].text, "dir//file.txt");
}

TEST(Lexer, PutsVariablesInAsTheyWereWritten) {
  Diagnostics diag;
  auto args = arguments(
      R"((eth$five.${five}0, $words, "<$words>\$five$", '$five', $none, $rest, p $rest q, cost$$five))", diag);
  ASSERT_TRUE(diag.ok()) << diag.text();
  const char* want[] = {"eth5.50", "a b", "<KEY a b>$five$", "$five", "1", "2", "p 1", "2 q", "cost$5"};
  ASSERT_EQ(args.size(), std::size(want));
  for (std::size_t i = 0; i < args.size(); ++i) EXPECT_EQ(args[i].text, want[i]);
  EXPECT_EQ(args[1].keyword, "KEY");
  EXPECT_TRUE(args[1].quoted);
  EXPECT_EQ(args[1].pos.column, 21);
}

TEST(Lexer, RefusesBadStringsAndParentheses) {
  for (const char* text :
       {"(\"a\\q\")", "(\"\\x4\")", "(\"a", "(a", "(a,,b)", "(,)", "($x)", "(a$x)", "(${x)", "(${5})", "(\"$x\")"}) {
    Diagnostics diag;
    arguments(text, diag);
    EXPECT_FALSE(diag.ok()) << text;
  }
  Diagnostics diag;
  EXPECT_TRUE(arguments("()", diag).empty());
  EXPECT_TRUE(diag.ok());
}

}  // namespace
}  // namespace fulcrum
