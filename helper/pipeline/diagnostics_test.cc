// SPDX-License-Identifier: MIT
// diagnostics_test.cc - every error of a configuration as golden text.
#include <gtest/gtest.h>

#include "pipeline/source_line.h"
#include "pipeline/testing.h"

namespace fulcrum {
namespace {

std::string errors(const std::string& text) { return testing::TestPipeline(text).diag.text(); }

struct Golden {
  const char* config;
  const char* text;
};

const Golden kGolden[] = {
    {"FromPort(eth0) -> Countr -> Discard;",
     "test.click:1:19: error: unknown name 'Countr': neither an element nor an element class\n"
     "  FromPort(eth0) -> Countr -> Discard;\n"
     "                    ^\n"
     "  valid: Counter\n"},
    {"x :: Frompott(eth0);\nx -> Discard;",
     "test.click:1:6: error: unknown element class 'Frompott'\n"
     "  x :: Frompott(eth0);\n"
     "       ^\n"
     "  valid: FromPort\n"},
    {"require(nosuch);", nullptr},  // the directories tried differ: see below
    {"FromPort(eth0) -> c :: Counter;",
     "test.click:1:19: error: output 0 (packets) of Counter 'c' is not connected\n"
     "  FromPort(eth0) -> c :: Counter;\n"
     "                    ^\n"
     "  valid: -> ToPort, -> ToKernel, -> Discard\n"},
    {"FromPort(eth0) -> Discard;\nc :: Counter -> Discard;",
     "test.click:2:1: error: input of Counter 'c' is not connected: no packet reaches it\n"
     "  c :: Counter -> Discard;\n"
     "  ^\n"},
    {"in :: FromPort(eth0) -> Discard;\nin -> ToKernel;",
     "test.click:2:1: error: output 0 of FromPort 'in' is connected twice: first at line 1 column 1\n"
     "  in -> ToKernel;\n"
     "  ^\n"},
    {"c :: CheckIPHeader;\nFromPort(eth0) -> c -> Discard;\n\tc[2] -> Discard;",
     "test.click:3:4: error: CheckIPHeader 'c' has no output 2\n"
     "  \tc[2] -> Discard;\n"
     "  \t  ^\n"
     "  valid: [0] good, [1] bad\n"},
    {"FromPort(eth0) -> [1]Discard;",
     "test.click:1:20: error: Discard has no input 1\n"
     "  FromPort(eth0) -> [1]Discard;\n"
     "                     ^\n"
     "  valid: [0]\n"},
    {"FromPort(eth0) -> Discard -> ToKernel;",
     "test.click:1:19: error: Discard has no output: a chain ends here\n"
     "  FromPort(eth0) -> Discard -> ToKernel;\n"
     "                    ^\n"},
    {"FromPort(eth0) -> f :: FromPort(eth1) -> Discard;",
     "test.click:1:19: error: FromPort 'f' has no input: it starts a chain\n"
     "  FromPort(eth0) -> f :: FromPort(eth1) -> Discard;\n"
     "                    ^\n"},
    {"FromPort(eth0) -> a :: Counter -> b :: CheckIPHeader -> a;",
     "test.click:1:19: error: packets would go round for ever: a -> b -> a\n"
     "  FromPort(eth0) -> a :: Counter -> b :: CheckIPHeader -> a;\n"
     "                    ^\n"},
    {"", "test.click: error: has no FromPort, so no packet ever enters: start a chain with 'FromPort(eth0) -> …'\n"},
    {"FromPort(eth0) -> Discard;\nFromPort(eth0) -> Discard;",
     "test.click:2:1: error: port 'eth0' has two sources: first in line 1: join their chains\n"
     "  FromPort(eth0) -> Discard;\n"
     "  ^\n"},
    {"FromPort(eth0, ORDERING flows) -> Discard;",
     "test.click:1:25: error: FromPort: ORDERING cannot be 'flows'\n"
     "  FromPort(eth0, ORDERING flows) -> Discard;\n"
     "                          ^\n"
     "  valid: flow, none\n"},
    {"FromPort(eth0, ORDRING flow) -> Discard;",
     "test.click:1:24: error: FromPort: unknown keyword 'ORDRING'\n"
     "  FromPort(eth0, ORDRING flow) -> Discard;\n"
     "                         ^\n"
     "  valid: ORDERING, ON_HELPER_LOSS\n"},
    {"FromPort -> Discard;",
     "test.click:1:1: error: FromPort: the name of a port is missing\n"
     "  FromPort -> Discard;\n"
     "  ^\n"},
    {"FromPort(eth0) -> EtherRewrite(SRC 2:0:0:0:0:1) -> Discard;",
     "test.click:1:36: error: EtherRewrite: SRC is no Ethernet address: '2:0:0:0:0:1'\n"
     "  FromPort(eth0) -> EtherRewrite(SRC 2:0:0:0:0:1) -> Discard;\n"
     "                                     ^\n"
     "  valid: 02:00:00:00:00:01\n"},
    {"a :: Counter; a :: Discard; FromPort(e) -> a -> Discard;",
     "test.click:1:15: error: 'a' is declared twice: first in line 1\n"
     "  a :: Counter; a :: Discard; FromPort(e) -> a -> Discard;\n"
     "                ^\n"},
    {"FromPort(a) -> Discard(REASON \"no",
     "test.click:1:23: error: '(' is not closed: ')' is missing\n"
     "  FromPort(a) -> Discard(REASON \"no\n"
     "                        ^\n"
     "test.click:1:31: error: string is not closed: \" is missing\n"
     "  FromPort(a) -> Discard(REASON \"no\n"
     "                                ^\n"},
    {"FromPort(a) => Discard;",
     "test.click:1:13: error: '=>' is not supported: connect one by one\n"
     "  FromPort(a) => Discard;\n"
     "              ^\n"
     "  valid: ->\n"},
    {"FromPort(a) -> Discard\nFromPort(b) -> Discard;",
     "test.click:2:1: error: unexpected 'FromPort': the statement before it is not finished\n"
     "  FromPort(b) -> Discard;\n"
     "  ^\n"
     "  valid: ->, ;\n"},
    {"FromPort(a) -> Discard($R);",
     "test.click:1:24: error: $R is neither defined nor a parameter here\n"
     "  FromPort(a) -> Discard($R);\n"
     "                         ^\n"},
    {"elementclass X { input -> y :: Counter(z) -> output }\nFromPort(a) -> x :: X -> Discard;",
     "test.click:1:40: error: Counter: unexpected argument 'z'\n"
     "  elementclass X { input -> y :: Counter(z) -> output }\n"
     "                                         ^\n"
     "  in compound 'x' of class 'X', declared at line 2 column 16\n"},
};

TEST(Diagnostics, GoldenText) {
  for (const Golden& g : kGolden) {
    if (g.text) {
      EXPECT_EQ(errors(g.config), g.text) << g.config;
    }
  }
}

TEST(Diagnostics, CollectsEverythingInOneGo) {
  const std::string text =
      errors("FromPort(eth0) -> Countr -> c :: CheckIPHeader -> ToPort(a, b);\nc[9] -> Discard;\nd :: Discard;");
  for (const char* part :
       {"unknown name 'Countr'", "ToPort: unexpected argument 'b'", "has no output 9", "input of Discard 'd'"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  const std::string syntax = errors("x -> ;\ny ->> z;\n[0]a -> b;");
  EXPECT_NE(syntax.find("test.click:1:6"), std::string::npos) << syntax;
  EXPECT_NE(syntax.find("test.click:2:5"), std::string::npos) << syntax;
  EXPECT_NE(syntax.find("test.click:3:2"), std::string::npos) << syntax;
}

TEST(Diagnostics, UnknownPluginNamesThePlacesTried) {
  const std::string text = errors("require(nosuch);\nFromPort(a) -> Discard;");
  EXPECT_EQ(text.rfind("test.click:1:9: error: plugin nosuch: no nosuch.so in ", 0), 0u) << text;
  EXPECT_NE(text.find("FULCRUM_PLUGIN_DIR"), std::string::npos);
  EXPECT_NE(errors("require(../evil);").find("not a name"), std::string::npos);
}

TEST(Diagnostics, RefusesTooManyElementsAndHidesAFloodOfErrors) {
  std::string many = "FromPort(a)";
  for (unsigned i = 0; i < kMaxNodes; ++i) many += " -> Counter";
  EXPECT_NE(errors(many + " -> Discard;").find(std::to_string(kMaxNodes) + " is the limit"), std::string::npos);
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "-> ;\n";
  EXPECT_NE(errors(flood).find("more than 100 errors"), std::string::npos);
}

TEST(Diagnostics, PutsTheCaretUnderWhatATerminalShows) {
  EXPECT_EQ(line_with_caret("\tä漢e\u0301x", 10), "  \tä漢e\u0301x\n  \t    ^\n");
  EXPECT_EQ(line_with_caret("a\xff\x1b[1m\xc2", 7), "  a??[1m?\n        ^\n");
  EXPECT_EQ(line_with_caret("ab", 3), "  ab\n    ^\n");
  EXPECT_EQ(line_with_caret("", 1), "  \n  ^\n");
  const std::string cut = line_with_caret(std::string(999, 'a') + "x" + std::string(999, 'b'), 1000);
  const std::size_t caret = cut.find('^') - cut.find('\n') - 1;
  EXPECT_LT(cut.size(), 700u);
  EXPECT_EQ(cut[caret + std::string("…").size() - 1], 'x');
}

TEST(Diagnostics, WarningsAreGood) {
  Diagnostics diag;
  diag.set_source("f", "abc");
  diag.warning({1, 2}, "odd");
  EXPECT_TRUE(diag.ok());
  EXPECT_EQ(diag.text(), "f:1:2: warning: odd\n  abc\n   ^\n");
  for (int i = 0; i < 1000; ++i) diag.warning({1, 1}, "w" + std::to_string(i));
  diag.error({1, 3}, "bad");
  diag.error({1, 3}, "bad");
  EXPECT_EQ(diag.count(), 1u);
  EXPECT_NE(diag.text().find("f:1:3: error: bad"), std::string::npos);
}

TEST(Diagnostics, FindsNearestNames) {
  EXPECT_EQ(nearest("countr", {"Counter", "ToPort"}), std::vector<std::string>{"Counter"});
  EXPECT_TRUE(nearest("Zzzzzz", {"Counter", "ToPort"}).empty());
}

}  // namespace
}  // namespace fulcrum
