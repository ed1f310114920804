// SPDX-License-Identifier: MIT
// device_model_test.cc - times against a second reckoning, failure scripts, model files.
#include "device/device_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <queue>
#include <random>
#include <thread>

namespace fulcrum {
namespace {

using Ns = std::uint64_t;

DeviceModel simple_model() {
  DeviceModel m;
  m.launch_ns = 10'000;
  m.copy_in_bytes_per_s = 1'000'000'000;  // 1 byte a ns
  m.copy_out_bytes_per_s = 2'000'000'000;
  m.any = {"", 500, 100'000'000, 10'000'000'000};  // 10 ns a packet, 0.1 ns a byte
  return m;
}

ModelTask task_of(const DeviceModel& m, std::uint64_t packets, std::uint64_t bytes, unsigned stages = 1) {
  ModelTask t;
  t.stages = stages;
  for (unsigned s = 0; s < stages; ++s) t.stage[s] = {&m.any, bytes};
  t.packets = packets;
  t.in_bytes = bytes;
  t.out_bytes = 4 * packets;
  return t;
}

TEST(ModelDuration, RoundsUpAndDoesNotOverflow) {
  EXPECT_EQ(duration_ns(0, 5), 0u);
  EXPECT_EQ(duration_ns(7, 0), 0u);
  EXPECT_EQ(duration_ns(1, 3), 333'333'334u);
  EXPECT_EQ(duration_ns(3, 1'000'000'000), 3u);
  EXPECT_EQ(duration_ns(80'000'000'000, 53'000'000'000), 1'509'433'963u);
  EXPECT_GT(duration_ns(~std::uint64_t{0}, 1), std::uint64_t{1} << 61);
}

TEST(ModelTimes, ATaskAloneIsTheSumOfItsParts) {
  const DeviceModel m = simple_model();
  ModelState state(m);
  const ModelTask by_packets = task_of(m, 100, 2000);
  ModelTimes t = state.completion_ns(1'000'000, by_packets);
  EXPECT_EQ(t.service_ns, 2000u + 500 + 1000 + 200);  // in, start, 100 packets, out
  EXPECT_EQ(t.done_ns, 1'000'000 + 10'000 + t.service_ns);
  const ModelTask by_bytes = task_of(m, 10, 20'000, 2);
  t = state.completion_ns(9'000'000, by_bytes);
  EXPECT_EQ(t.service_ns, 20'000u + 2 * (500 + 2000) + 20);
  EXPECT_EQ(t.done_ns, 9'000'000 + 10'000 + t.service_ns);
  t = state.completion_ns(20'000'000, by_packets, 10'000);
  EXPECT_EQ(t.done_ns, 20'000'000u + 100'000 + 37'000);
}

TEST(ModelTimes, AKernelsOwnSpeedIsUsed) {
  DeviceModel m = simple_model();
  m.kernels.push_back({"slow", 0, 1'000'000, 0});
  EXPECT_EQ(m.speed_of("slow").packets_per_s, 1'000'000u);
  EXPECT_EQ(&m.speed_of("other"), &m.any);
  ModelState state(m);
  ModelTask t = task_of(m, 100, 0);
  t.out_bytes = 0;
  t.stage[0].speed = &m.speed_of("slow");
  EXPECT_EQ(state.completion_ns(0, t).service_ns, 100'000u);
}

// The narrowest resource sets the rate of many equal tasks.
TEST(ModelTimes, ManyTasksRunAtTheRateOfTheBottleneck) {
  for (unsigned engines : {1u, 4u, 16u}) {
    DeviceModel m = simple_model();
    m.engines = engines;
    ModelState state(m);
    const ModelTask t = task_of(m, 800, 1000);  // in 1000, run 8500, out 1600
    const Ns in = 1000, run = 8500, out = 1600;
    const Ns bottleneck = std::max({in, (run + engines - 1) / engines, out});
    constexpr unsigned kTasks = 1600;
    Ns done = 0;
    for (unsigned i = 0; i < kTasks; ++i) done = state.completion_ns(0, t).done_ns;
    const Ns least = m.launch_ns + in + run + out + bottleneck * (kTasks - engines);
    EXPECT_GE(done + run, least) << engines;
    EXPECT_LE(done, least + 2 * run + bottleneck * engines) << engines;
  }
}

// The same system reckoned otherwise: engines as a heap of the times they get free at.
class Reckoning {
 public:
  explicit Reckoning(const DeviceModel& m) : m_(m) {
    for (unsigned e = 0; e < m.engines; ++e) engines_.push(0);
  }
  Ns done(Ns submit, const ModelTask& t) {
    const auto seconds = [](std::uint64_t n, std::uint64_t rate) -> Ns {
      return rate ? (n * 1'000'000'000 + rate - 1) / rate : 0;
    };
    Ns at = submit + m_.launch_ns;
    at = in_ = std::max(in_, at) + seconds(t.in_bytes, m_.copy_in_bytes_per_s);
    Ns run = 0;
    for (unsigned s = 0; s < t.stages; ++s)
      run += t.stage[s].speed->start_ns + std::max(seconds(t.packets, t.stage[s].speed->packets_per_s),
                                                   seconds(t.stage[s].bytes, t.stage[s].speed->bytes_per_s));
    at = std::max(at, engines_.top()) + run;
    engines_.pop();
    engines_.push(at);
    return out_ = std::max(out_, at) + seconds(t.out_bytes, m_.copy_out_bytes_per_s);
  }

 private:
  const DeviceModel& m_;
  Ns in_ = 0, out_ = 0;
  std::priority_queue<Ns, std::vector<Ns>, std::greater<>> engines_;
};

TEST(ModelTimes, AgreeWithASecondReckoning) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto up_to = [&](std::uint64_t n) { return random() % (n + 1); };
  for (unsigned round = 0; round < 50; ++round) {
    DeviceModel m;
    m.launch_ns = up_to(20'000);
    m.copy_in_bytes_per_s = 1 + up_to(50'000'000'000);
    m.copy_out_bytes_per_s = 1'000'000 + up_to(50'000'000'000);
    m.engines = 1 + static_cast<unsigned>(up_to(kMaxEngines - 1));
    m.any = {"", 1 + up_to(5000), up_to(1) * (1 + up_to(1'000'000'000)), up_to(1) * (1 + up_to(10'000'000'000))};
    m.kernels.push_back({"k", 1 + up_to(5000), 1 + up_to(1'000'000'000), 0});
    ModelState state(m);
    Reckoning reckoning(m);
    Ns now = 0;
    for (unsigned i = 0; i < 500; ++i) {
      now += up_to(30'000);
      ModelTask t = task_of(m, 1 + up_to(1024), 1 + up_to(1 << 20), 1 + static_cast<unsigned>(up_to(kMaxStages - 1)));
      if (up_to(1)) t.stage[0].speed = &m.speed_of("k");
      const ModelTimes times = state.completion_ns(now, t);
      ASSERT_EQ(times.done_ns, reckoning.done(now, t)) << "round " << round << " task " << i;
      ASSERT_GE(times.done_ns, now + m.launch_ns + times.service_ns);
    }
  }
}

// Two threads at once: whichever is first, the link has moved all bytes of both, one after the other.
TEST(ModelTimes, RacingSubmittersShareTheLink) {
  DeviceModel m = simple_model();
  m.launch_ns = 0;
  ModelState state(m);
  constexpr unsigned kTasks = 2000;
  const auto submit = [&] {
    for (unsigned i = 0; i < kTasks; ++i) {
      const ModelTask t = task_of(m, 0, 100);
      static_cast<void>(state.completion_ns(0, t));
    }
  };
  std::thread other(submit);
  submit();
  other.join();
  EXPECT_EQ(state.table_ns(0, 50), Ns{2} * kTasks * 100 + 50);
}

TEST(FailureScript, StrikesAsOftenAsItSays) {
  FailureScript script;
  const Failure failures[] = {{.kind = FailureKind::kWrong, .after_tasks = 3, .times = 2},
                              {.kind = FailureKind::kCompile, .times = 0, .kernel = "lookup"}};
  script.begin(failures);
  script.begin({});  // opened again: the script goes on
  std::vector<std::uint64_t> struck;
  for (unsigned i = 0; i < 10; ++i)
    if (const std::uint64_t n = script.next_task(); script.strike(FailureKind::kWrong, n)) struck.push_back(n);
  EXPECT_EQ(struck, (std::vector<std::uint64_t>{3, 4}));
  for (unsigned i = 0; i < 5; ++i) EXPECT_TRUE(script.strike(FailureKind::kCompile, 0, "lookup"));
  EXPECT_FALSE(script.strike(FailureKind::kCompile, 0, "match"));
  EXPECT_FALSE(script.strike(FailureKind::kLost, 100));
}

TEST(FailureScript, RefusesToOpenAsOftenAsItSays) {
  FailureScript script;
  std::uint64_t left = 9;
  EXPECT_TRUE(script.may_open(left));
  script.broke({.reopen_fails = 2});
  EXPECT_FALSE(script.may_open(left));
  EXPECT_EQ(left, 1u);
  EXPECT_FALSE(script.may_open(left));
  EXPECT_EQ(left, 0u);
  EXPECT_TRUE(script.may_open(left));
}

std::string error_of(const std::string& text) {
  const auto model = parse_device_model(text, "m.toml");
  return model ? "" : model.error().text;
}

TEST(ModelFile, TakesEveryKey) {
  const auto m = parse_device_model(R"(name = "card"
in_place = true
launch_ns = 5000
copy_in_bytes_per_s = { value = 10, source = "sheet" }
copy_out_bytes_per_s = { value = 11, estimate = true, source = "a guess" }
memory_bytes = 12
engines = 3
queue_depth = 7
start_ns = 1
packets_per_s = 2
bytes_per_s = 4
fail = [{ after_tasks = 9, kind = "hang", reopen_fails = 2 }, { kind = "slow", slow_permille = 3000, times = 0 }]
[kernel.route_lookup]
packets_per_s = { value = 8, source = "sheet" }
)",
                                    "dir/m.toml");
  ASSERT_TRUE(m) << m.error().text;
  EXPECT_EQ(m->name, "card");
  EXPECT_TRUE(m->in_place);
  EXPECT_EQ(m->launch_ns, 5000u);
  EXPECT_EQ(m->copy_in_bytes_per_s, 10u);
  EXPECT_EQ(m->copy_out_bytes_per_s, 11u);
  EXPECT_EQ(m->memory_bytes, 12u);
  EXPECT_EQ(m->engines, 3u);
  EXPECT_EQ(m->queue_depth, 7u);
  EXPECT_EQ(m->figures, 10u);
  EXPECT_EQ(m->estimates, 8u) << "a number alone is one too";
  const KernelSpeed& k = m->speed_of("route_lookup");
  EXPECT_EQ(k.packets_per_s, 8u);
  EXPECT_EQ(k.bytes_per_s, 4u) << "what it does not say is as for any kernel";
  ASSERT_EQ(m->failures.size(), 2u);
  EXPECT_EQ(m->failures[0].kind, FailureKind::kHang);
  EXPECT_EQ(m->failures[0].after_tasks, 9u);
  EXPECT_EQ(m->failures[0].reopen_fails, 2u);
  EXPECT_EQ(m->failures[1].slow_permille, 3000u);
  EXPECT_EQ(m->failures[1].times, 0u);
}

TEST(ModelFile, NamesPlaceKeyAndWhatIsValid) {
  const struct {
    const char* text;
    const char* error;
  } kCases[] = {
      {"\nlaunch = 3\n", "m.toml:2: unknown key 'launch': valid here are name, in_place, launch_ns, copy_in"},
      {"\n\nengines = 0\n", "m.toml:3: key 'engines': out of range: it takes 1 .. 64"},
      {"engines = 65\n", "m.toml:1: key 'engines': out of range"},
      {"launch_ns = -1\n", "key 'launch_ns': out of range"},
      {"launch_ns = \"long\"\n", "key 'launch_ns': not a whole number: it takes 0 .. "},
      {"launch_ns = 1.5\n", "not a whole number"},
      {"launch_ns = { value = 1 }\n", "neither source nor estimate: add source"},
      {"launch_ns = { source = \"x\" }\n", "no value: write { value = "},
      {"launch_ns = { value = 1, sauce = \"x\" }\n", "key 'launch_ns.sauce': valid here are value, source"},
      {"name = 3\n", "key 'name': not a text"},
      {"in_place = \"yes\"\n", "key 'in_place': it takes true, false"},
      {"fail = \"lost\"\n", "'fail' is not a list"},
      {"fail = [{ kind = \"dead\" }]\n", "'fail.kind': not valid: it takes lost, hang, wrong, oom, slow, compile"},
      {"fail = [{ after_tasks = 4 }]\n", "has no kind"},
      {"fail = [{ kind = \"lost\", when = 4 }]\n", "unknown key 'fail.when': valid here are kind, kernel, after_tasks"},
      {"kernel = 3\n", "'kernel' is not a table"},
      {"[kernel.x]\n\nspeed = 3\n", "m.toml:3: unknown key 'kernel.x.speed': valid here are start_ns, packets_per_s"},
      {"engines = \n", "m.toml: not TOML: line 1"},
  };
  for (const auto& c : kCases)
    EXPECT_NE(error_of(c.text).find(c.error), std::string::npos) << c.text << error_of(c.text);
  const std::string both = error_of("engines = 0\nlaunch = 1\n");
  EXPECT_NE(both.find("m.toml:1"), std::string::npos) << both;
  EXPECT_NE(both.find("m.toml:2"), std::string::npos) << both;
}

TEST(ModelFile, ThoseThatComeWithFulcrumAreRead) {
  unsigned seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(models_dir())) {
    const auto m = load_device_model(entry.path().stem().string());
    ASSERT_TRUE(m) << m.error().text;
    EXPECT_GT(m->any.packets_per_s, 0u) << m->file;
    EXPECT_GT(m->launch_ns, 0u) << m->file;
    EXPECT_LT(m->estimates, m->figures) << m->file << ": nothing in it is known";
    ++seen;
  }
  EXPECT_GE(seen, 4u);
}

TEST(ModelFile, UnknownNamesAreToldWhichThereAre) {
  const auto unknown = load_device_model("no-such-card");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().text.find("h100-pcie5, l4, "), std::string::npos) << unknown.error().text;
  const auto path = load_device_model("./no-such.toml");
  ASSERT_FALSE(path);
  EXPECT_NE(path.error().text.find("No such file"), std::string::npos) << path.error().text;
}

}  // namespace
}  // namespace fulcrum
