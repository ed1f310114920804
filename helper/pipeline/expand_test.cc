// SPDX-License-Identifier: MIT
// expand_test.cc - compounds, overloads and variables -> flat elements and connections.
#include "pipeline/expand.h"

#include <gtest/gtest.h>

namespace fulcrum {
namespace {

// "name:Class(args) …| from[n]->[m]to …", or what is wrong.
std::string flat(const std::string& text) {
  Diagnostics diag;
  const Config c = parse_config("f", text, diag);
  if (!diag.ok()) return diag.text();
  std::string out;
  for (const Declaration& d : c.declarations) {
    out += d.name + ":" + d.class_name;
    for (const Arg& a : d.args) out += "(" + (a.keyword.empty() ? "" : a.keyword + "=") + a.text + ")";
    out += " ";
  }
  out += "|";
  for (const Connection& l : c.connections)
    out += " " + c.declarations[l.from].name + "[" + std::to_string(l.output) + "]->[" + std::to_string(l.input) + "]" +
           c.declarations[l.to].name;
  return out;
}

TEST(Expand, FlattensNestedCompounds) {
  EXPECT_EQ(flat("elementclass In { input -> i :: I -> output; i[1] -> [1]output }"
                 "elementclass Out { input -> in :: In -> output; in[1] -> Drop }"
                 "s :: S -> o :: Out -> T;"),
            "s:S o/in/i:I o/Drop@2:Drop T@3:T | s[0]->[0]o/in/i o/in/i[0]->[0]T@3 o/in/i[1]->[0]o/Drop@2");
}

TEST(Expand, PassesStraightThrough) {
  EXPECT_EQ(
      flat("s :: S; t :: T; x :: { input -> [1]output; input[1] -> output }; s -> x; s[1] -> [1]x -> t; x[1] -> [1]t"),
      "s:S t:T | s[0]->[1]t s[1]->[0]t");
  EXPECT_NE(flat("elementclass X {input -> output} S -> x :: X -> y :: X -> x").find("round for ever"),
            std::string::npos);
  EXPECT_EQ(flat("S -> { input -> { input -> output } -> output } -> T"), "S@1:S T@3:T | S@1[0]->[0]T@3");
  EXPECT_NE(flat("elementclass X {input -> output} S -> x :: X -> T; x -> T").find("connected twice"),
            std::string::npos);
  EXPECT_NE(flat("x :: {input -> output; input[1] -> [1]output}; S -> x -> [1]x[1] -> x").find("round for ever"),
            std::string::npos);
}

TEST(Expand, GivesParametersTheirValues) {
  EXPECT_EQ(
      flat(
          "define($w 5, $v \"${w}x y\"); elementclass X { $a, RATE $r, __REST__ $more | input -> C($a, $r$w, $more) -> "
          "output } S -> X($v, RATE 7 8, 9, KEY 10) -> X(1, RATE $w) -> T"),
      "S@1:S X@2/C@1:C(5x y)(7 85)(9)(KEY=10) X@3/C@1:C(1)(55) T@4:T | S@1[0]->[0]X@2/C@1 "
      "X@2/C@1[0]->[0]X@3/C@1 X@3/C@1[0]->[0]T@4");
}

TEST(Expand, LooksNamesUpWhereTheyWereWritten) {
  // $x of the class is the file's, not that of the place of use; its inner C hides the file's.
  EXPECT_EQ(flat("define($x 1); elementclass C { input -> A($x) -> output }"
                 "elementclass D { $x | elementclass E { input -> B($x) -> output } input -> E -> C -> output }"
                 "S -> D(2) -> T"),
            "S@1:S D@2/E@1/B@1:B(2) D@2/C@2/A@1:A(1) T@3:T | S@1[0]->[0]D@2/E@1/B@1 D@2/E@1/B@1[0]->[0]D@2/C@2/A@1 "
            "D@2/C@2/A@1[0]->[0]T@3");
}

TEST(Expand, ChoosesTheFormThatFits) {
  const std::string classes =
      "elementclass X { $a | input -> X($a, 0) -> output || $a, $b | input -> C($a, $b) -> output }"
      "elementclass Y X; ";
  EXPECT_EQ(flat(classes + "S -> Y(4) -> X(5, 6) -> T"),
            "S@1:S Y@2/X@1/C@1:C(4)(0) X@3/C@1:C(5)(6) T@4:T | S@1[0]->[0]Y@2/X@1/C@1 Y@2/X@1/C@1[0]->[0]X@3/C@1 "
            "X@3/C@1[0]->[0]T@4");
  EXPECT_NE(flat(classes + "S -> X -> T").find("valid: X($a), X($a, $b)"), std::string::npos);
}

TEST(Expand, RefusesWhatHasNoEnd) {
  EXPECT_NE(flat("elementclass X { input -> X -> output } S -> X -> T").find("contains itself: X -> X"),
            std::string::npos);
  EXPECT_NE(flat("elementclass X { input -> Y -> output } elementclass Y { input -> X -> output } S -> X -> T")
                .find("contains itself: X -> Y -> X"),
            std::string::npos);
  EXPECT_NE(flat("elementclass X Y; elementclass Y X; S -> X -> T").find("only another name for itself"),
            std::string::npos);
}

// Each line doubles the one before.
std::string doubling(const char* first, const char* next, int lines) {
  std::string text = first;
  for (int i = 1; i < lines; ++i) {
    std::string line = next;
    for (std::size_t at; (at = line.find('#')) != std::string::npos;) line.replace(at, 1, std::to_string(i));
    for (std::size_t at; (at = line.find('%')) != std::string::npos;) line.replace(at, 1, std::to_string(i - 1));
    text += line;
  }
  return text;
}

TEST(Expand, KeepsSmallFilesSmall) {
  EXPECT_NE(flat(doubling("elementclass X0 { input -> C -> C -> C -> C -> C -> output }",
                          "elementclass X# { input -> X% -> X% -> output }", 12) +
                 "S -> X11 -> T")
                .find("more than 1024 elements"),
            std::string::npos);
  EXPECT_NE(
      flat(doubling("elementclass X0 { input -> output }", "elementclass X# { input -> X% -> X% -> output }", 12) +
           "S -> X11 -> T")
          .find("more than 512 compounds"),
      std::string::npos);
  EXPECT_NE(flat(doubling("define($x0 0123456789);", "define($x# \"$x%$x%\");", 40) + "S($x39) -> T").find("8 MiB"),
            std::string::npos);
  EXPECT_NE(flat(std::string(100000, '{')).find("more than 16 deep"), std::string::npos);
}

TEST(Expand, WarnsOfWhatIsNotUsed) {
  Diagnostics diag;
  parse_config("f",
               "define($x 1, $y 2); elementclass X { $a | input -> output } elementclass Y { input -> output } S($y) "
               "-> X(1) -> T",
               diag);
  EXPECT_TRUE(diag.ok());
  std::string all;
  for (const Diagnostic& d : diag.sorted()) all += d.text + "; ";
  EXPECT_EQ(all, "$x is never used; $a is never used; elementclass 'Y' is never used; ");
}

}  // namespace
}  // namespace fulcrum
