// SPDX-License-Identifier: MIT
// config_test.cc - every wrong setting is named with its place and what is valid.
#include "control/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fulcrum {
namespace {

class ConfigFile : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/fulcrum-config-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/f.toml"; }
  // The error, or empty.
  std::string load(const std::string& text) {
    std::ofstream(path()) << text;
    auto done = load_config_file(path(), config_);
    return done ? "" : done.error().text;
  }
  std::string folder_;
  HelperConfig config_;
};

TEST_F(ConfigFile, TakesEverySection) {
  EXPECT_EQ(load(R"([helper]
pipeline = "r.click"
log = "debug"
[workers]
count = 2
cpus = [0, 1]
idle = "spin"
beat_limit_ms = 50
[port]
frames_per_queue = 4096
return_way = "ring"
probe = false
umem = "memfd"
[balance]
policy = "hillclimb"
interval_ms = 100
permille = { cpu = 600, mc = 400 }
[[device]]
name = "mc"
threads = 1
task_packets = 256
)"),
            "");
  EXPECT_EQ(config_.pipeline_file, folder_ + "/r.click");
  EXPECT_EQ(config_.workers, 2u);
  EXPECT_EQ(config_.cpus, (std::vector<unsigned>{0, 1}));
  EXPECT_EQ(config_.idle, IdleMode::kSpin);
  EXPECT_EQ(config_.return_way, ReturnWay::kRing);
  EXPECT_EQ(config_.umem, UmemKind::kMemfd);
  EXPECT_FALSE(config_.probe);
  EXPECT_EQ(config_.balance.policy, "hillclimb");
  ASSERT_EQ(config_.balance.permille.size(), 2u);
  ASSERT_EQ(config_.devices.size(), 1u);
  EXPECT_EQ(config_.devices[0].name, "mc");
  EXPECT_EQ(config_.devices[0].task_packets, 256u);
}

TEST_F(ConfigFile, NamesPlaceAndValidKeys) {
  std::string error = load("[workers]\ncount = 1\nspeed = 9\n");
  EXPECT_NE(error.find("f.toml:3: unknown key 'workers.speed'"), std::string::npos) << error;
  EXPECT_NE(error.find("workers.count, workers.cpus"), std::string::npos) << error;
  EXPECT_EQ(error.find("port.umem"), std::string::npos) << error;
}

TEST_F(ConfigFile, NamesAllErrorsAtOnce) {
  std::string error =
      load("[workers]\ncount = \"many\"\nidle = \"nap\"\n[port]\nframes_per_queue = 5000\n[cloud]\nx = 1\n");
  for (const char* part : {"f.toml:2: key 'workers.count': not a number: it takes 0 .. 256",
                           "f.toml:3: key 'workers.idle': not valid: it takes spin, adaptive, powersave",
                           "f.toml:5: key 'port.frames_per_queue'", "unknown section 'cloud'"})
    EXPECT_NE(error.find(part), std::string::npos) << error;
}

TEST_F(ConfigFile, AFileWithAnErrorChangesNothing) {
  EXPECT_NE(load("[workers]\ncount = 7\nspin_us = -1\n"), "");
  EXPECT_EQ(config_.workers, 0u);
}

TEST_F(ConfigFile, BadTomlNamesTheLine) {
  std::string error = load("[workers]\ncount = \n");
  EXPECT_NE(error.find("not TOML: line 2"), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

TEST_F(ConfigFile, SharesMustAddUp) {
  std::string error = load("[balance]\npermille = { cpu = 600, mc = 300 }\n");
  EXPECT_NE(error.find("shares add up to 900"), std::string::npos) << error;
}

TEST_F(ConfigFile, DevicesAreCheckedTogether) {
  EXPECT_NE(load("[[device]]\n[[device]]\n").find("two devices are called 'manycore'"), std::string::npos);
  EXPECT_NE(load("[[device]]\n[[device]]\n[[device]]\n[[device]]\n").find("more than 3 devices"), std::string::npos);
}

TEST_F(ConfigFile, DevicesOfSeveralKinds) {
  EXPECT_EQ(load(R"([[device]]
kind = "modelled"
name = "gpu0"
model = "models/own.toml"
wraps = "inline"
in_place = "off"
device = 1
task_timeout_ms = 250
shadow_every = 0
retry_ms = 50
retry_max_s = 5
[[device]]
cpus = [1]
)"),
            "");
  ASSERT_EQ(config_.devices.size(), 2u);
  const DeviceConfig& d = config_.devices[0];
  EXPECT_EQ(d.task_timeout_ms, 250u);
  EXPECT_EQ(d.shadow_every, 0u);
  EXPECT_EQ(d.retry_ms, 50u);
  EXPECT_EQ(d.retry_max_s, 5u);
  const DeviceSpec spec = device_spec(d);
  EXPECT_EQ(spec.kind, "modelled");
  EXPECT_EQ(spec.name, "gpu0");
  EXPECT_EQ(spec.model, folder_ + "/models/own.toml");
  EXPECT_EQ(spec.wraps, "inline");
  EXPECT_EQ(spec.in_place, InPlaceMode::kOff);
  EXPECT_EQ(spec.which, "1");
  EXPECT_EQ(spec.script, d.script) << "failures count on when it is opened again";
  EXPECT_NE(spec.script, config_.devices[1].script) << "each device has its own";
  EXPECT_EQ(device_spec(config_.devices[1]).cpus, std::vector<int>{1});
}

TEST_F(ConfigFile, WrongDeviceKeysAreToldWhatIsValid) {
  const struct {
    const char* text;
    const char* error;
  } kCases[] = {
      {"kind = \"abacus\"", "key 'kind': not valid: it takes manycore, "},
      {"kind = \"modelled\"", "has no model: add model = "},
      {"model = \"l4\"", "has a model: only kind = \"modelled\" takes one"},
      {"wraps = \"modelled:l4\"", "key 'wraps': not valid: it takes manycore, "},
      {"in_place = \"maybe\"", "key 'in_place': not valid: it takes auto, on, off"},
      {"device = -1", "key 'device': out of range"},
      {"task_timeout_ms = 1", "key 'task_timeout_ms': out of range: it takes 10 .. 600000"},
      {"shadow_every = \"never\"", "key 'shadow_every': not a number"},
      {"retry_max_s = 0", "key 'retry_max_s': out of range"},
      {"speed = 1", "unknown key 'speed': valid here are kind, "},
  };
  for (const auto& c : kCases) {
    const std::string error = load("[[device]]\n" + std::string(c.text) + "\n");
    EXPECT_NE(error.find(c.error), std::string::npos) << c.text << ": " << error;
    EXPECT_NE(error.find("f.toml:"), std::string::npos) << error;
  }
}

TEST_F(ConfigFile, MissingFile) {
  auto done = load_config_file(folder_ + "/none.toml", config_);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find("No such file"), std::string::npos);
}

TEST(ConfigSet, TakesValuesAndBareWords) {
  HelperConfig c;
  EXPECT_TRUE(set_config_key("workers.spin_us=70", c));
  EXPECT_TRUE(set_config_key("workers.idle=powersave", c));
  EXPECT_TRUE(set_config_key("device.threads=3", c));
  EXPECT_TRUE(set_config_key("device.kind=modelled", c)) << "its model comes with the next --set";
  EXPECT_TRUE(set_config_key("device.model=l4", c));
  EXPECT_TRUE(set_config_key("balance.permille={cpu=500,manycore=500}", c));
  EXPECT_TRUE(set_config_key("helper.bpf_dir=/a b/c", c));
  EXPECT_EQ(c.spin_us, 70u);
  EXPECT_EQ(c.idle, IdleMode::kPowersave);
  EXPECT_EQ(c.devices.at(0).threads, 3u);
  EXPECT_EQ(c.balance.permille.size(), 2u);
  EXPECT_EQ(c.bpf_dir, "/a b/c");
}

TEST(ConfigSet, RefusesWhatIsNotAnAssignment) {
  HelperConfig c;
  for (const char* bad :
       {"workers", "=3", "workers.count=", "workers.count=2\n[port]", "nothing.at_all=1", "workers=1"}) {
    auto done = set_config_key(bad, c);
    EXPECT_FALSE(done) << bad;
    if (!done) {
      EXPECT_NE(done.error().text.find("--set"), std::string::npos) << done.error().text;
    }
  }
}

CommandLine parse(std::vector<const char*> args) {
  args.insert(args.begin(), "fulcrumd");
  return parse_command_line(static_cast<int>(args.size()), args.data());
}

TEST(CommandLine, FillsDefaults) {
  ::unsetenv("FULCRUM_SOCKET");
  CommandLine line = parse({"--pipeline", "r.click", "--set", "workers.count=1", "--set", "port.umem=map"});
  ASSERT_TRUE(line.run) << line.output;
  EXPECT_EQ(line.config.pipeline_file, "r.click");
  EXPECT_EQ(line.config.socket_path, "/run/fulcrum/control.sock");
  EXPECT_EQ(line.config.workers, 1u);
  EXPECT_EQ(line.config.umem, UmemKind::kMap);
  EXPECT_FALSE(line.config.bpf_dir.empty());
}

TEST(CommandLine, HelpNamesEveryKey) {
  CommandLine line = parse({"--help"});
  EXPECT_FALSE(line.run);
  EXPECT_EQ(line.exit_code, 0);
  for (const char* part : {"--pipeline", "workers.beat_limit_ms", "device.task_packets"})
    EXPECT_NE(line.output.find(part), std::string::npos);
}

TEST(CommandLine, UsageErrorsExitTwo) {
  for (auto args : {std::vector<const char*>{}, {"--bogus"}, {"--pipeline"}, {"--pipeline", "x", "--set", "a=1"}}) {
    CommandLine line = parse(args);
    EXPECT_FALSE(line.run);
    EXPECT_EQ(line.exit_code, 2);
    EXPECT_FALSE(line.output.empty());
  }
}

}  // namespace
}  // namespace fulcrum
