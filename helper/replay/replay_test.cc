// SPDX-License-Identifier: MIT
// replay_test.cc - `fulcrum run` on small captures: order, verdicts, files, tiers, errors.
#include "replay/replay.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "pipeline/testing.h"
#include "port/pcap_file.h"

namespace fulcrum {
namespace {

namespace fs = std::filesystem;
using testing::Bytes;

class Replay : public ::testing::Test {
 protected:
  Replay() : folder_(fs::temp_directory_path() / ("fulcrum_replay_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~Replay() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string pipeline(const std::string& text) {
    std::ofstream(path("p.click")) << text;
    return path("p.click");
  }
  std::string capture(const std::string& name, const std::vector<Bytes>& frames, std::uint64_t first_ns = 0,
                      std::uint64_t step_ns = 1000) {
    auto writer = CaptureWriter::open(path(name), false);
    for (const Bytes& f : frames) {
      (*writer)->write(
          {f.data(), static_cast<std::uint32_t>(f.size()), static_cast<std::uint32_t>(f.size()), first_ns});
      first_ns += step_ns;
    }
    EXPECT_TRUE((*writer)->commit());
    return path(name);
  }
  std::string slurp(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<boost::json::object> verdicts(const std::string& name) const {
    std::vector<boost::json::object> lines;
    std::ifstream in(path(name));
    for (std::string line; std::getline(in, line);) lines.push_back(boost::json::parse(line).as_object());
    return lines;
  }

  fs::path folder_;
};

TEST_F(Replay, WritesOneVerdictAPacketInOrderOfArrival) {
  Bytes arp(60, 0), cut = testing::udp4(), group = testing::udp4(), bad = testing::udp4();
  testing::put16(arp, 12, 0x0806);
  cut.resize(20);
  group[0] = 1, group[30] = 224;
  bad[25] ^= 1;
  const auto in = capture("a.pcap", {testing::udp4(), arp, testing::udp4(22, 1), cut, bad, group, testing::udp4()});
  auto r = replay({pipeline("FromPort(x) -> CheckIPHeader -> DecIPTTL -> ToPort(eth1);"),
                   {in},
                   path("out.pcap"),
                   {},
                   "cpu",
                   path("v.jsonl")});
  ASSERT_TRUE(r) << r.error().text;
  const char* want[][4] = {{"tx", "none", "cpu", "eth1"},        {"kernel", "not_ip", "steer", ""},
                           {"kernel", "ttl_expired", "cpu", ""}, {"kernel", "malformed", "steer", ""},
                           {"drop", "bad_ip_header", "cpu", ""}, {"kernel", "multicast", "steer", ""},
                           {"tx", "none", "cpu", "eth1"}};
  auto lines = verdicts("v.jsonl");
  ASSERT_EQ(lines.size(), 7u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["n"], i);
    EXPECT_EQ(lines[i]["verdict"], want[i][0]) << i;
    EXPECT_EQ(lines[i]["reason"], want[i][1]) << i;
    EXPECT_EQ(lines[i]["tier"], want[i][2]) << i;
    EXPECT_EQ(lines[i].contains("port"), *want[i][3] != 0) << i;
    EXPECT_TRUE(lines[i]["alerts"].as_array().empty());
  }
  EXPECT_EQ(r->packets, 7u);
  EXPECT_EQ(r->packets, r->tx + r->dropped() + r->to_kernel());
  EXPECT_EQ(boost::json::parse(report_json(*r)).at("kernel_by_reason").at("not_ip").as_int64(), 1);
  EXPECT_NE(report_text(*r).find("bad_ip_header"), std::string::npos);
}

TEST_F(Replay, AnEmptyPipelineCopiesTheCapture) {
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 1000; ++i) frames.push_back(testing::udp4(i % 1400));
  const auto in = capture("a.pcap", frames);
  for (const char* tier : {"cpu", "device:manycore", "device:modelled:l4", "auto"}) {
    auto r = replay({pipeline("FromPort(x) -> ToPort(y);"), {in}, path("out.pcap"), {}, tier, ""});
    ASSERT_TRUE(r) << r.error().text;
    EXPECT_EQ(r->tx, 1000u);
    EXPECT_TRUE(slurp("a.pcap") == slurp("out.pcap")) << tier;
  }
}

TEST_F(Replay, MergesInputsByTimeAndSplitsOutputsByPort) {
  const std::vector<Bytes> a(200, testing::udp4(10)), b(300, testing::udp4(20));
  const auto one = capture("a.pcap", a, 0, 3000), two = capture("b.pcap", b, 1000, 2000);
  const std::string file = pipeline("FromPort(x) -> ToPort(y); FromPort(y) -> ToPort(x);");
  auto r = replay(
      {file, {"x=" + one, "y=" + two}, path("out.pcap"), {{"y", path("y.pcap")}, {"x", path("x.pcap")}}, "cpu", ""});
  ASSERT_TRUE(r) << r.error().text;
  EXPECT_TRUE(slurp("a.pcap") == slurp("y.pcap"));
  EXPECT_TRUE(slurp("b.pcap") == slurp("x.pcap"));
  auto reader = CaptureReader::open(path("out.pcap"));
  CapturedPacket p;
  std::uint64_t last_ns = 0, packets = 0;
  for (auto got = (*reader)->next(p); got && *got; got = (*reader)->next(p), ++packets) {
    EXPECT_GE(p.time_ns, last_ns);
    last_ns = p.time_ns;
  }
  EXPECT_EQ(packets, 500u);
}

TEST_F(Replay, TakesFramesOfAnySize) {
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 100; ++i) frames.push_back(testing::udp4(i % 3 ? 65000 : 1));
  frames.push_back(Bytes(kMaxCapturedBytes, 8));
  frames.push_back({});
  const auto in = capture("a.pcap", frames);
  auto r = replay({pipeline("FromPort(x) -> ToPort(y);"), {in}, path("out.pcap"), {}, "cpu", ""});
  ASSERT_TRUE(r) << r.error().text;
  EXPECT_EQ(r->packets, 102u);
}

TEST_F(Replay, RefusesAndLeavesNothingBehind) {
  const auto in = capture("a.pcap", std::vector<Bytes>(300, testing::udp4()));
  const std::string whole = slurp("a.pcap");
  std::ofstream(path("cut.pcap"), std::ios::binary) << whole.substr(0, whole.size() - 5);
  const std::string good = pipeline("FromPort(x) -> ToPort(y);");
  const std::string out = path("out.pcap"), v = path("v.jsonl");
  struct Case {
    ReplayOptions options;
    const char* part;
  };
  const Case cases[] = {
      {{good, {path("cut.pcap")}, out, {}, "cpu", v}, "after packet 299"},
      {{good, {good}, out, {}, "cpu", v}, "not a readable capture"},
      {{good, {path("none.pcap")}, out, {}, "cpu", v}, "cannot be read"},
      {{good, {"z=" + in}, out, {}, "cpu", v}, "no FromPort(z): choose one of: x"},
      {{good, {in}, out, {{"z", path("z.pcap")}}, "cpu", v}, "no such port: choose one of: x, y"},
      {{good, {in}, out, {}, "gpu", v}, "choose one of: cpu, auto, device:manycore"},
      {{good, {in}, out, {}, "device:none", v}, "unknown"},
      {{good, {in}, out, {}, "cpu", out}, "named for two outputs"},
      {{good, {in}, path("no/out.pcap"), {}, "cpu", v}, "cannot be written"},
      {{path("none.click"), {in}, out, {}, "cpu", v}, "cannot be read"},
  };
  for (const Case& c : cases) {
    auto r = replay(c.options);
    ASSERT_FALSE(r) << c.part;
    EXPECT_NE(r.error().text.find(c.part), std::string::npos) << r.error().text;
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 3) << c.part;
  }
  auto r = replay({pipeline("FromPort(x) -> Nothing;"), {in}, out, {}, "cpu", v});
  ASSERT_FALSE(r);
  EXPECT_NE(r.error().text.find(":1:16: error: unknown name 'Nothing'"), std::string::npos) << r.error().text;
}

// The router with a payload match, if this program has the plugins.
std::string full_pipeline() {
  return "require(route, ids); a :: CheckIPHeader; b :: CheckIP6Header; m :: PayloadMatch(PATTERNS \"GET /\", "
         "\"\\x55\\x00\");"
         "r :: IPLookup(FIB fib.txt); FromPort(x) -> a -> m; a[1] -> b -> m; m -> r -> DecIPTTL -> DecIP6HLIM -> "
         "ToPort;"
         "m[1] -> Counter -> r; r[1] -> ToKernel;";
}

// A verdict line without the one word that may differ.
std::string without_tier(const std::string& lines) {
  std::string out;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    if (lines.compare(at, 8, "\"tier\":\"") == 0) at = lines.find('"', at + 8);
    out += lines[at];
  }
  return out;
}

TEST_F(Replay, EveryTierGivesTheSameAnswer) {
  Registry registry;
  if (!registry.require("route") || !registry.require("ids"))
    GTEST_SKIP() << "plugins route and ids are not built into this program";
  std::ofstream(path("fib.txt")) << "10.0.0.0/8 via 10.9.9.9 dev y lladdr 02:00:00:00:00:09\n2001:db8::/32 via fe80::1 "
                                    "dev z lladdr 02:00:00:00:00:0a\n";
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 20000; ++i) {
    Bytes f = random() % 2 ? testing::udp4(random() % 1400, random() % 8 ? 64 : 1) : testing::udp6(random() % 1400);
    for (std::size_t at = 54; at < f.size(); at += 1 + random() % 60)
      f[at] = static_cast<std::uint8_t>(random() % 4 ? random() : 0);
    if (random() % 10 == 0) f[random() % f.size()] ^= 1;
    if (random() % 50 == 0) f.resize(random() % f.size());
    frames.push_back(std::move(f));
  }
  const auto in = capture("a.pcap", frames);
  const std::string file = pipeline(full_pipeline());
  std::string captured, lines;
  for (const char* tier : {"cpu", "device:manycore", "device:modelled:l4", "auto"}) {
    auto r = replay({file, {in}, path("out.pcap"), {}, tier, path("v.jsonl")});
    ASSERT_TRUE(r) << r.error().text;
    EXPECT_EQ(r->packets, r->tx + r->dropped() + r->to_kernel());
    EXPECT_EQ(r->fallback_packets, 0u);
    EXPECT_GT(r->alerts, 0u);
    if (captured.empty()) captured = slurp("out.pcap"), lines = without_tier(slurp("v.jsonl"));
    EXPECT_TRUE(captured == slurp("out.pcap")) << tier;
    EXPECT_TRUE(lines == without_tier(slurp("v.jsonl"))) << tier;
  }
}

// Every capture of a folder through checks and rewriting; each packet gets a verdict.
TEST_F(Replay, SurvivesMalformedCaptures) {
  const char* set = std::getenv("FULCRUM_DATA");
  const fs::path data = fs::path(set ? set : "../shared/data") / "pcap/malformed";
  if (!fs::is_directory(data)) GTEST_SKIP() << data << " is not there: set FULCRUM_DATA";
  const std::string file = pipeline(
      "a :: CheckIPHeader; b :: CheckIP6Header; d :: DecIPTTL; FromPort(x) -> a -> d; a[1] -> b -> d;"
      "b[1] -> d; d -> DecIP6HLIM -> Counter -> EtherRewrite(SRC 02:00:00:00:00:01) -> ToPort(y);");
  unsigned read = 0, refused = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(data)) {
    if (!entry.is_regular_file()) continue;
    auto r = replay({file, {"x=" + entry.path().string()}, path("out.pcap"), {}, "cpu", path("v.jsonl")});
    r ? ++read : ++refused;
    if (!r) continue;
    EXPECT_EQ(r->packets, r->tx + r->dropped() + r->to_kernel()) << entry.path();
    EXPECT_EQ(verdicts("v.jsonl").size(), r->packets) << entry.path();
  }
  std::printf("%u captures processed, %u refused\n", read, refused);
  EXPECT_GT(read, 0u);
}

}  // namespace
}  // namespace fulcrum
