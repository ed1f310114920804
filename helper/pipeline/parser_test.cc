// SPDX-License-Identifier: MIT
// parser_test.cc - Click text -> declarations and connections.
#include <gtest/gtest.h>

#include "pipeline/config.h"

namespace fulcrum {
namespace {

// "from[n]->[m]to" of each connection.
std::string links(const Config& c) {
  std::string out;
  for (const Connection& l : c.connections)
    out += c.declarations[l.from].name + "[" + std::to_string(l.output) + "]->[" + std::to_string(l.input) + "]" +
           c.declarations[l.to].name + " ";
  return out;
}

TEST(Parser, ReadsTheRouter) {
  Diagnostics diag;
  const Config c = parse_config("f", R"(require(route);
in :: FromPort(eth0, ORDERING flow, ON_HELPER_LOSS inline);
in -> CheckIPHeader -> rt :: IPLookup(FIB kernel) -> DecIPTTL -> ToPort;
rt[1] -> ToKernel;       // no route: let Linux answer
)",
                                diag);
  ASSERT_TRUE(diag.ok()) << diag.text();
  ASSERT_EQ(c.required.size(), 1u);
  EXPECT_EQ(c.required[0].plugin, "route");
  EXPECT_EQ(links(c),
            "in[0]->[0]CheckIPHeader@3 CheckIPHeader@3[0]->[0]rt rt[0]->[0]DecIPTTL@4 DecIPTTL@4[0]->[0]ToPort@5 "
            "rt[1]->[0]ToKernel@6 ");
  EXPECT_EQ(c.declarations[1].args[0].keyword, "FIB");
}

TEST(Parser, DeclaresSeveralAtOnceAndUsesNamesBeforeTheirDeclaration) {
  Diagnostics diag;
  const Config c = parse_config("f", "x -> a; a, b :: Counter; x :: FromPort(p) a[0] -> [0]b;", diag);
  EXPECT_FALSE(diag.ok());  // ';' is missing behind FromPort(p)
  Diagnostics good;
  const Config d = parse_config(
      "f", "x -> a; a, b :: Counter; x :: FromPort(p); a[0] -> [0]b -> [0] d :: Discard [0] -> e::Counter", good);
  ASSERT_TRUE(good.ok()) << good.text();
  EXPECT_EQ(links(d), "x[0]->[0]a a[0]->[0]b b[0]->[0]d d[0]->[0]e ");
}

TEST(Parser, GivesEachAnonymousElementItsOwnName) {
  Diagnostics diag;
  const Config c = parse_config("f", "FromPort(a)->Counter->ToPort(b);FromPort(b)->Counter->ToPort(a)", diag);
  ASSERT_EQ(c.declarations.size(), 6u);
  EXPECT_NE(c.declarations[1].name, c.declarations[4].name);
}

TEST(Parser, RequiresSeveralPlugins) {
  Diagnostics diag;
  const Config c = parse_config("f", "require(route, ids)", diag);
  ASSERT_EQ(c.required.size(), 2u);
  EXPECT_EQ(c.required[1].plugin, "ids");
}

TEST(Parser, SurvivesEveryPrefixOfAFile) {
  const std::string text =
      "require(a);/* c */ x, y :: C(K \"v\\x41\", (b)); x[1] -> [2]y -> D(1) -> { };elementclass E { KEY $q, __REST__ "
      "$r | input[1] -> X($q) -> [1]output || ... } define($z ${z} \"$z\") // e";
  for (std::size_t n = 0; n <= text.size(); ++n) {
    Diagnostics diag;
    parse_config("f", text.substr(0, n), diag);
    diag.text();
  }
}

TEST(Parser, TellsThatAFileCannotBeRead) {
  for (const char* path : {"/nonexistent/x.click", "/"}) {
    Diagnostics diag;
    load_config(path, diag);
    EXPECT_NE(diag.text().find("cannot be read"), std::string::npos) << diag.text();
  }
}

}  // namespace
}  // namespace fulcrum
