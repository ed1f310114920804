// SPDX-License-Identifier: MIT
// acl_test.cc - ACL: its rules' text, first match against a linear search, counts, new rules.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "pipeline/elements/flow/acl_table.h"
#include "pipeline/testing.h"

namespace fulcrum {
namespace {

using testing::Bytes;
using testing::TestBatch;
using testing::TestPipeline;

// The judge: rule by rule, from the frame's own bytes. Frames are made by this file:
// no tags, no IPv6 extension headers but a fragment header.
struct Plain {
  int family = 0, protocol = -1, source_port = -1, destination_port = -1;
  AddressKey source = 0, destination = 0;
};
AddressKey number(const std::uint8_t* p, unsigned bytes) {
  AddressKey k = 0;
  for (unsigned i = 0; i < bytes; ++i) k = k << 8 | p[i];
  return k;
}
Plain plain(const Bytes& f) {
  Plain p;
  std::size_t l4 = 0;
  bool later = false;
  if (f[12] == 8 && f[13] == 0) {
    p = {4, f[23], -1, -1, number(&f[26], 4), number(&f[30], 4)};
    l4 = 34, later = (f[20] & 0x1f) || f[21];
  } else if (f[12] == 0x86) {
    p = {6, f[20], -1, -1, number(&f[22], 16), number(&f[38], 16)};
    l4 = 54;
    if (p.protocol == 44) p.protocol = f[54], l4 = 62, later = f[56] || f[57] & 0xf8;
  }
  if (!later && (p.protocol == 6 || p.protocol == 17))
    p.source_port = f[l4] << 8 | f[l4 + 1], p.destination_port = f[l4 + 2] << 8 | f[l4 + 3];
  return p;
}
bool port_meets(const AclPorts& want, int have) {
  return want.any || (have >= want.range.first && have <= want.range.last);
}
bool meets(const AclRule& r, const Plain& p) {
  if (p.family == 0 || !(p.family == 4 ? r.v4 : r.v6)) return false;
  const auto inside = [](const AddressRange& range, AddressKey k) { return k >= range.first && k <= range.last; };
  return (r.protocol < 0 || r.protocol == p.protocol) && inside(r.source, p.source) &&
         inside(r.destination, p.destination) && port_meets(r.source_ports, p.source_port) &&
         port_meets(r.destination_ports, p.destination_port);
}
std::uint32_t first_met(const std::vector<AclRule>& rules, const Bytes& frame) {
  const Plain p = plain(frame);
  for (std::uint32_t k = 0; k < rules.size(); ++k)
    if (meets(rules[k], p)) return k;
  return static_cast<std::uint32_t>(rules.size());
}

using Random = std::mt19937;

std::string random_address(Random& random, bool v6) {
  const auto few = [&] { return std::to_string(random() % 4); };
  if (v6) return "2001:db8:" + few() + "::" + few() + ":" + few();
  return "10." + few() + "." + few() + "." + few();
}
std::string random_range(Random& random, bool v6) {
  if (random() % 4 == 0) return "any";
  std::string first = random_address(random, v6);
  if (random() % 4 == 0) return first;
  if (random() % 4 == 0) {
    return "10." + std::to_string(random() % 2) + ".0.0-10.3." + std::to_string(random() % 4) + ".255";
  }
  IpPrefix p{*parse_address(first), 0};
  p.length = static_cast<std::uint8_t>(v6 ? 30 + random() % 99 : 6 + random() % 27);
  clear_host_bits(p.addr, p.length);
  return prefix_text(p);
}
std::string random_ports(Random& random) {
  if (random() % 2) return "any";
  const unsigned first = random() % 20;
  return std::to_string(first) + (random() % 2 ? "" : "-" + std::to_string(first + random() % 20));
}
std::string random_rule(Random& random) {
  const bool v6 = random() % 3 == 0;
  for (;;) {
    const char* protocols[] = {"tcp", "udp", "any", "icmp", "ip4", "ip6", "6"};
    const std::string rule = std::string(random() % 2 ? "allow " : "deny ") + protocols[random() % 7] + " " +
                             random_range(random, v6) + " " + random_ports(random) + " " + random_range(random, v6) +
                             " " + random_ports(random);
    if (parse_acl_rule(rule)) return rule;  // not all mixtures are rules
  }
}

Bytes random_frame(Random& random) {
  const bool v6 = random() % 3 == 0;
  Bytes f = v6 ? testing::udp6(40) : testing::udp4(40);
  const std::uint8_t protocols[] = {6, 17, 17, 1, 58, 47};
  std::uint8_t& protocol = v6 ? f[20] : f[23];
  protocol = protocols[random() % 6];
  for (const std::ptrdiff_t at : {v6 ? 22 : 26, v6 ? 38 : 30}) {
    const IpAddress a = *parse_address(random_address(random, v6));
    std::copy_n(a.bytes, v6 ? 16 : 4, f.begin() + at);
  }
  const std::size_t l4 = v6 ? 54 : 34;
  testing::put16(f, l4, random() % 40), testing::put16(f, l4 + 2, random() % 40);
  if (protocol == 6) f[l4 + 12] = 0x50;
  if (!v6 && random() % 6 == 0) testing::put16(f, 20, random() % 2 ? 0x2000 : 0x2005);
  if (v6 && random() % 6 == 0) {  // a fragment header in front
    const std::uint8_t header[8] = {protocol, 0, 0, static_cast<std::uint8_t>(random() % 2 ? 1 : 9), 0, 0, 0, 1};
    f.insert(f.begin() + 54, header, header + 8);
    f[20] = 44;
    testing::put16(f, 18, static_cast<unsigned>(f.size() - 54));
  }
  if (random() % 20 == 0) f[12] = 0x99;
  return f;
}

TEST(AclTable, AgreesWithALinearSearch) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::size_t met = 0, missed = 0, late = 0;
  for (const unsigned size : {0u, 1u, 5u, 63u, 64u, 65u, 200u, 1000u, 5000u}) {
    std::vector<AclRule> rules;
    while (rules.size() < size) rules.push_back(*parse_acl_rule(random_rule(random)));
    const AclTable table(rules);
    for (int batch = 0; batch < 60; ++batch) {
      TestBatch t({});
      std::vector<Bytes> frames;
      for (int k = 0; k < 64; ++k) frames.push_back(random_frame(random)), t.add(frames.back());
      std::uint32_t rule[kBatchSize];
      table.match(t.batch, t.batch.all(), rule);
      for (unsigned i = 0; i < 64; ++i) {
        const std::uint32_t expected = first_met(rules, frames[i]);
        ASSERT_EQ(rule[i], expected) << size << " rules" << (expected < size ? ": " + rules[expected].text : "");
        expected < size ? ++met : ++missed;
        late += expected < size && expected >= 64;
      }
    }
  }
  EXPECT_GT(met, 5000u);
  EXPECT_GT(missed, 1000u);
  EXPECT_GT(late, 20u) << "rules behind the first word were met";
}

TEST(AclTable, EndsOfRangesBelongToThem) {
  std::vector<AclRule> rules;
  for (const char* text :
       {"allow any 0.0.0.0 any any any", "allow any 255.255.255.255 any any any", "allow any ::-::1 any any any",
        "allow any ffff::/16 any any any", "allow udp any 0 any 65535", "allow udp any any any 10-20"})
    rules.push_back(*parse_acl_rule(text));
  const AclTable table(rules);
  TestBatch t({});
  const auto add4 = [&](std::uint8_t fill, unsigned from, unsigned to) {
    Bytes f = testing::udp4();
    std::fill_n(f.begin() + 26, 4, fill);
    testing::put16(f, 34, from), testing::put16(f, 36, to);
    t.add(f);
  };
  const auto add6 = [&](std::uint8_t fill, std::uint8_t last) {
    Bytes f = testing::udp6();
    std::fill_n(f.begin() + 22, 16, fill);
    f[37] = last;
    t.add(f);
  };
  add4(0, 1, 1), add4(255, 1, 1), add6(0, 0), add6(0, 1), add6(0, 2), add6(255, 255), add4(1, 0, 65535);
  add4(1, 0, 65534), add4(1, 5, 10), add4(1, 5, 20), add4(1, 5, 9), add4(1, 5, 21);
  std::uint32_t rule[kBatchSize];
  table.match(t.batch, t.batch.all(), rule);
  EXPECT_EQ(std::vector<std::uint32_t>(rule, rule + 12),
            std::vector<std::uint32_t>({0, 1, 2, 2, 6, 3, 4, 6, 5, 5, 6, 6}));
}

TEST(AclRule, SaysWhatIsWrong) {
  for (const auto& [text, why] : {std::pair{"allow tcp any any", "a rule has 6 words, not 4: allow|deny PROTOCOL"},
                                  {"permit tcp any any any any", "'permit' is no answer"},
                                  {"allow tpc any any any any", "unknown protocol 'tpc': valid is any, ip4"},
                                  {"allow 256 any any any any", "unknown protocol '256'"},
                                  {"allow tcp 10.0.0.1/8 any any any", "write 10.0.0.0/8"},
                                  {"allow tcp host any any any", "'host' is not an address: valid is any, 10.0.0.1"},
                                  {"allow tcp 10.0.0.9-10.0.0.1 any any any", "is not a range of addresses"},
                                  {"allow tcp any 80- any any", "'80-' is not a port"},
                                  {"allow icmp any any any 80", "protocol icmp has no ports"},
                                  {"allow tcp 10.0.0.1 any ::1 any", "IPv4 and IPv6 do not mix"},
                                  {"allow ip6 10.0.0.1 any any any", "IPv4 and IPv6 do not mix"}}) {
    const Result<AclRule> rule = parse_acl_rule(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_NE(rule.error().text.find(why), std::string::npos) << rule.error().text;
  }
}

constexpr char kTwoRules[] =
    "FromPort(x) -> a :: ACL(RULE \"deny udp any any 10.0.1.0/24 2000\", RULE \"allow ip4 any any any any\") -> "
    "ToPort(y);";

std::vector<Arg> rule_args(std::initializer_list<const char*> list) {
  std::vector<Arg> args;
  for (const char* text : list) args.push_back({"", text, true, {}});
  return args;
}
void pass(TestPipeline& p, const Bytes& frame, unsigned n = 1) {
  TestBatch t(std::vector<Bytes>(n, frame));
  ASSERT_TRUE(p.run(t.batch));
}
std::string rules_of(TestPipeline& p) { return *p.graph->element("a")->read("rules", {}, {}); }

TEST(ACL, SplitsAndCounts) {
  TestPipeline p(kTwoRules);
  ASSERT_TRUE(p.graph) << p.diag.text();
  Bytes other = testing::udp4();
  other[37] ^= 1;
  TestBatch t({testing::udp4(), other, testing::udp6(), other});
  ASSERT_TRUE(p.run(t.batch));
  EXPECT_EQ(p.reason(t.batch, 0), "acl_deny");
  EXPECT_EQ(t.batch.verdict[1], Verdict::kTx);
  EXPECT_EQ(p.reason(t.batch, 2), "acl_deny") << "the default";
  EXPECT_EQ(rules_of(p),
            "1 1 deny udp any any 10.0.1.0/24 2000\n"
            "2 2 allow ip4 any any any any\n"
            "0 1 default deny\n");
  Element* a = p.graph->element("a");
  EXPECT_EQ(*a->read("count", rule_args({"2"}), {}), "2\n");
  EXPECT_EQ(*a->read("count", rule_args({"0"}), {}), "1\n");
  EXPECT_FALSE(a->read("count", rule_args({"3"}), {}));
  EXPECT_EQ(p.counter("a", "allowed"), 2u);
  EXPECT_EQ(p.counter("a", "denied"), 2u);
}

TEST(ACL, LaterFragmentsMeetNoRuleWithPorts) {
  TestPipeline p("FromPort(x) -> a :: ACL(RULE \"allow udp any any any 1-65535\", DEFAULT deny) -> ToPort(y);");
  Bytes first = testing::udp4(), later = first;
  testing::put16(first, 20, 0x2000), testing::put16(later, 20, 0x2001);
  TestBatch t({first, later});
  ASSERT_TRUE(p.run(t.batch));
  EXPECT_EQ(t.batch.verdict[0], Verdict::kTx);
  EXPECT_EQ(p.reason(t.batch, 1), "acl_deny");
}

TEST(ACL, NewRulesKeepCountsAndAreRefusedAsAWhole) {
  TestPipeline p(kTwoRules);
  pass(p, testing::udp4(), 5);
  Element* a = p.graph->element("a");
  const auto bad = a->write("replace", rule_args({"allow any any any any any", "allow x", "deny"}), p.setup);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text.find("rule 2:1: a rule has 6 words"), std::string::npos) << bad.error().text;
  EXPECT_NE(bad.error().text.find("rule 3:1: "), std::string::npos) << "all errors are told";
  for (int round = 0; round < 3; ++round) {
    auto change =
        a->write("replace", rule_args({"allow udp any 1-3 any any", "deny udp any any 10.0.1.0/24 2000"}), p.setup);
    ASSERT_TRUE(change) << change.error().text;
    pass(p, testing::udp4());  // by the rules as they were
    (*change)();
    pass(p, testing::udp4());
  }
  EXPECT_EQ(rules_of(p),
            "1 0 allow udp any 1-3 any any\n"
            "2 11 deny udp any any 10.0.1.0/24 2000\n"
            "0 0 default deny\n");
  auto none = a->write("replace", {}, p.setup);
  ASSERT_TRUE(none);
  (*none)();
  pass(p, testing::udp4(), 3);
  EXPECT_EQ(rules_of(p), "0 3 default deny\n");
}

TEST(ACL, FilesComeInOrderAndTellTheirLines) {
  const auto dir = std::filesystem::temp_directory_path() / ("acl_test_" + std::to_string(getpid()));
  std::filesystem::create_directory(dir);
  const std::string good = (dir / "good.acl").string(), bad = (dir / "bad.acl").string();
  std::ofstream(good) << "# head\n\nallow udp any any any 2000  # dns\nallow tcp any any any any\n";
  std::ofstream(bad) << "allow tcp any any any any\nallow\n\ndeny udp any x any any\n";
  TestPipeline p("FromPort(x) -> a :: ACL(RULE \"deny icmp any any any any\", FILE \"" + good +
                 "\", RULE \"deny any any any any any\", DEFAULT allow) -> ToPort(y);");
  ASSERT_TRUE(p.graph) << p.diag.text();
  EXPECT_EQ(rules_of(p),
            "1 0 deny icmp any any any any\n2 0 allow udp any any any 2000\n3 0 allow tcp any any any any\n"
            "4 0 deny any any any any any\n0 0 default allow\n");
  Element* a = p.graph->element("a");
  const auto refused = a->write("load", rule_args({bad.c_str()}), p.setup);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("bad.acl:2: a rule has 6 words, not 1"), std::string::npos);
  EXPECT_NE(refused.error().text.find("bad.acl:4: 'x' is not a port"), std::string::npos);
  EXPECT_FALSE(a->write("load", rule_args({"/nowhere/x.acl"}), p.setup));
  auto loaded = a->write("load", rule_args({good.c_str()}), p.setup);
  ASSERT_TRUE(loaded);
  (*loaded)();
  EXPECT_EQ(rules_of(p), "1 0 allow udp any any any 2000\n2 0 allow tcp any any any any\n0 0 default allow\n");
  TestPipeline broken("FromPort(x) -> a :: ACL(FILE \"" + bad + "\") -> ToPort(y);");
  EXPECT_NE(broken.diag.text().find("bad.acl:4: 'x' is not a port"), std::string::npos) << broken.diag.text();
  std::filesystem::remove_all(dir);
}

// Two workers of one pipeline: one table, counts of both, and the next pipeline goes on with them.
TEST(ACL, WorkersShareAndPipelinesInherit) {
  TestPipeline p(kTwoRules);
  const Config config = parse_config("test.click", kTwoRules, p.diag);
  auto second = Graph::build(config, p.registry, p.setup, p.diag);
  pass(p, testing::udp4(), 2);
  std::swap(p.graph, second);
  pass(p, testing::udp4(), 3);
  EXPECT_EQ(*p.graph->element("a")->read("count", rule_args({"1"}), {}), "5\n");
  const auto change = p.graph->element("a")->write("replace", {}, p.setup);
  ASSERT_TRUE(change);
  EXPECT_FALSE(*change) << "the first worker's alone changes the table";
  OfflineSetup setup("/test/next.click", OfflineSetup::KernelRoutes::kEmpty);
  setup.inherit(p.setup);
  auto next = Graph::build(config, p.registry, setup, p.diag);
  ASSERT_TRUE(next);
  pass(p, testing::udp4(), 1);  // the old one drains
  std::swap(p.graph, next);
  pass(p, testing::udp4(), 4);
  EXPECT_EQ(*p.graph->element("a")->read("count", rule_args({"1"}), {}), "10\n");
}

}  // namespace
}  // namespace fulcrum
