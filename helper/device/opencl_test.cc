// SPDX-License-Identifier: MIT
// opencl_test.cc - results, order, tables, program cache, failures; in place and copied.
#include "device/opencl.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "device/opencl_fault.h"
#include "device/opencl_program.h"
#include "device/test_kernels.h"

namespace fulcrum {
namespace {

using device::kTestFlip;
using device::kTestSum;
using device::TestFrames;
using device::TestTask;
using opencl::faults;

constexpr ImageLimits kLimits{.items = 4096, .read_bytes = 8 << 20};

class Opencl : public testing::Test {
 protected:
  void SetUp() override {
    if (opencl_devices().empty()) GTEST_SKIP() << "no OpenCL device (clinfo -l lists them)";
    char name[] = "/tmp/fulcrum-opencl.XXXXXX";
    ASSERT_TRUE(mkdtemp(name));
    dir_ = name;
    seed_ = std::random_device{}();
    random_.seed(seed_);
    faults.event_status = opencl::kTruth;
    faults.launches_until_error = -1;
  }
  void TearDown() override {
    faults.event_status = opencl::kTruth;
    faults.launches_until_error = -1;
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }
  std::string seed() const { return "seed " + std::to_string(seed_); }

  std::unique_ptr<Device> open(InPlaceMode in_place = InPlaceMode::kAuto, unsigned max_in_flight = 4) {
    auto device = open_opencl({.max_in_flight = max_in_flight, .cache_dir = dir_, .in_place = in_place});
    EXPECT_TRUE(device) << device.error().text;
    for (const KernelDecl* k : {&kTestSum, &kTestFlip}) {
      const auto added = (*device)->add_kernel(*k);
      EXPECT_TRUE(added) << added.error().text;
    }
    return std::move(*device);
  }

  std::string dir_;
  unsigned seed_ = 0;
  std::mt19937 random_;
};

std::unique_ptr<DeviceQueue> queue_of(Device& device, const TestFrames& frames) {
  auto queue = device.open_queue(frames.data(), frames.bytes());
  EXPECT_TRUE(queue) << queue.error().text;
  return std::move(*queue);
}

// Within 20 s.
DeviceTask* wait(DeviceQueue& queue) {
  for (const std::uint64_t end_ns = now_ns() + 20'000'000'000; now_ns() < end_ns;)
    if (DeviceTask* done = queue.poll()) return done;
  return nullptr;
}

void run(DeviceQueue& queue, TestTask& t) {
  t.expect();
  ASSERT_EQ(queue.submit(&t.task), DeviceStatus::kOk);
  ASSERT_EQ(wait(queue), &t.task);
  t.check();
}

using Chain = std::vector<ChainLink>;
const std::vector<Chain> kChains = {
    {{&kTestSum}},
    {{&kTestFlip}},
    {{&kTestFlip}, {&kTestSum}},
    {{&kTestSum}, {&kTestFlip, Condition::kIfNonZero}},
    {{&kTestFlip}, {&kTestFlip, Condition::kIfZero}, {&kTestSum, Condition::kIfNonZero}},
};

TEST_F(Opencl, ResultsAreThoseOfTheCpu) {
  SCOPED_TRACE(seed());
  const TestFrames frames(4096, random_);
  for (const InPlaceMode mode : {InPlaceMode::kAuto, InPlaceMode::kOff}) {
    const auto device = open(mode);
    const auto queue = queue_of(*device, frames);
    if (mode == InPlaceMode::kOff) {
      ASSERT_FALSE(queue->in_place());
    }
    for (const Chain& chain : kChains) {
      const ImagePlan plan(chain, queue->in_place(), kLimits);
      TestTask t(*queue, plan);
      for (const std::uint32_t count : {0u, 1u, 2u, 63u, 64u, 65u, 700u, 1087u, 4095u, 4096u}) {
        SCOPED_TRACE(std::to_string(chain.size()) + " stages, items " + std::to_string(count));
        t.fill(frames, count, random_);
        run(*queue, t);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(Opencl, WithoutFramesRangesAreGathered) {
  SCOPED_TRACE(seed());
  const TestFrames frames(100, random_);
  const auto device = open();
  auto queue = device->open_queue(nullptr, 0);
  ASSERT_TRUE(queue);
  EXPECT_FALSE((*queue)->in_place());
  const ImagePlan plan(kChains[2], false, kLimits);
  TestTask t(**queue, plan);
  t.fill(frames, 100, random_);
  run(**queue, t);
}

// Nothing is copied where memory is shared; elsewhere the declared blocks, once, and no bytes between stages.
TEST_F(Opencl, CopiesWhatIsDeclaredAndNoMore) {
  SCOPED_TRACE(seed());
  const TestFrames frames(500, random_);
  const Chain chain = {{&kTestFlip}, {&kTestFlip}, {&kTestSum}};
  for (const InPlaceMode mode : {InPlaceMode::kAuto, InPlaceMode::kOff}) {
    const auto device = open(mode);
    const auto queue = queue_of(*device, frames);
    const ImagePlan plan(chain, queue->in_place(), kLimits);
    TestTask t(*queue, plan);
    t.fill(frames, 500, random_);
    faults.written_bytes = faults.read_bytes = faults.launches = 0;
    run(*queue, t);
    EXPECT_EQ(faults.launches, 3u);
    if (device->info().in_place) {
      EXPECT_EQ(faults.written_bytes, 0u);
      EXPECT_EQ(faults.read_bytes, 0u);
      continue;
    }
    const std::uint64_t records = 500 * (8 + 4 + 4 + 4), pad = 500 * 3;  // gathered ranges start at multiples of 4
    EXPECT_GE(faults.written_bytes, records + t.task.read_bytes);
    EXPECT_LE(faults.written_bytes, records + t.task.read_bytes + pad);
    // The second flip writes over what the first left, so only its bytes come back.
    const std::uint64_t results = 500 * (8 + 8 + 8), grown = 500 * (8 + 15);
    EXPECT_GE(faults.read_bytes, results + t.task.read_bytes);
    EXPECT_LE(faults.read_bytes, results + t.task.read_bytes + grown);
    EXPECT_EQ(device->info().in_bytes, faults.written_bytes);
    EXPECT_EQ(device->info().out_bytes, faults.read_bytes);
    EXPECT_GE(device->info().saved_bytes, 2 * t.task.read_bytes);
  }
}

TEST_F(Opencl, OrderWithManyInFlight) {
  SCOPED_TRACE(seed());
  const TestFrames frames(1100, random_);
  for (const InPlaceMode mode : {InPlaceMode::kAuto, InPlaceMode::kOff}) {
    const auto device = open(mode, 3);
    const auto queue = queue_of(*device, frames);
    std::vector<std::unique_ptr<ImagePlan>> plans;
    std::vector<std::unique_ptr<TestTask>> tasks;
    for (unsigned i = 0; i < 8; ++i) {
      plans.push_back(std::make_unique<ImagePlan>(kChains[i % kChains.size()], queue->in_place(), ImageLimits{}));
      tasks.push_back(std::make_unique<TestTask>(*queue, *plans.back()));
    }
    std::uint64_t packets = 0;
    unsigned submitted = 0, most = 0;
    bool was_full = false;
    for (unsigned polled = 0; polled < 200;) {
      while (submitted < 200 && submitted < polled + tasks.size()) {
        TestTask& t = *tasks[submitted % tasks.size()];
        if (queue->in_flight() < 3) {
          t.fill(frames, random_() % 1087, random_);
          t.expect();
        }
        const DeviceStatus status = queue->submit(&t.task);
        if (status == DeviceStatus::kFull) {
          was_full = true;
          break;
        }
        ASSERT_EQ(status, DeviceStatus::kOk);
        ++submitted;
        most = std::max(most, queue->in_flight());
      }
      DeviceTask* done = wait(*queue);
      ASSERT_EQ(done, &tasks[polled % tasks.size()]->task) << "in the order of submission";
      tasks[polled % tasks.size()]->check();
      if (HasFatalFailure()) return;
      EXPECT_GT(done->service_ns, 0u);
      packets += done->count;
      ++polled;
    }
    EXPECT_TRUE(was_full);
    EXPECT_EQ(most, 3u);
    const DeviceInfo info = device->info();
    EXPECT_EQ(info.tasks, 200u);
    EXPECT_EQ(info.packets, packets);
    EXPECT_EQ(info.errors, 0u);
    EXPECT_GT(info.busy_ns, 0u);
  }
}

TEST_F(Opencl, QueuesOfSeveralWorkers) {
  const auto device = open();
  std::mt19937 random(seed_);
  const TestFrames frames(300, random);
  std::vector<std::thread> workers;
  for (unsigned w = 0; w < 3; ++w)
    workers.emplace_back([&, queue = queue_of(*device, frames), w] {
      SCOPED_TRACE(seed());
      std::mt19937 mine(seed_ + w);
      const ImagePlan plan(kChains[w], queue->in_place(), kLimits);
      TestTask a(*queue, plan);
      for (unsigned i = 0; i < 100; ++i) {
        a.fill(frames, 1 + mine() % 300, mine);
        run(*queue, a);
        if (HasFatalFailure()) return;
      }
    });
  for (std::thread& t : workers) t.join();
  EXPECT_EQ(device->info().tasks, 300u);
}

// A table of which two pages differ from version to version.
KernelTable table_version(std::uint64_t version, std::size_t bytes, std::uint64_t identity) {
  auto data = std::shared_ptr<std::uint8_t>(static_cast<std::uint8_t*>(std::aligned_alloc(64, (bytes + 63) & ~63ul)),
                                            [](std::uint8_t* p) { std::free(p); });
  for (std::size_t i = 0; i < bytes; ++i) data.get()[i] = static_cast<std::uint8_t>(i * 7 >> 8);
  std::memcpy(data.get(), &version, 4);
  std::memset(data.get() + bytes / 2 / 4096 * 4096, static_cast<int>(version), 2000);
  return {data, data.get(), bytes, version, identity};
}

bool becomes_resident(DeviceQueue& queue, const KernelTable& table) {
  for (const std::uint64_t end_ns = now_ns() + 10'000'000'000; now_ns() < end_ns;)
    if (queue.resident(table)) return true;
  return false;
}

TEST_F(Opencl, TableVersionsSwitchBetweenTasks) {
  SCOPED_TRACE(seed());
  const TestFrames frames(64, random_);
  for (const InPlaceMode mode : {InPlaceMode::kAuto, InPlaceMode::kOff}) {
    const auto device = open(mode);
    // Few pages, so that the items of a task read each of them.
    KernelTable before = table_version(0, 10 * 4096 + 100, 77);
    ASSERT_TRUE(device->load_table(before));
    const auto queue = queue_of(*device, frames);
    ASSERT_TRUE(queue->resident(before)) << "at once";
    const ImagePlan plan(kChains[0], queue->in_place(), kLimits);
    TestTask a(*queue, plan), b(*queue, plan);
    std::vector<std::weak_ptr<const void>> owners;
    for (std::uint64_t version = 1; version < 6; ++version) {
      faults.written_bytes = 0;
      KernelTable next = table_version(version, 10 * 4096 + 100, 77);
      owners.push_back(before.owner);
      a.fill(frames, 64, random_, before);
      a.expect();
      ASSERT_EQ(queue->submit(&a.task), DeviceStatus::kOk);
      ASSERT_TRUE(becomes_resident(*queue, next));
      const std::uint64_t uploaded = faults.written_bytes - a.task.in.total_bytes() * !device->info().in_place;
      EXPECT_EQ(uploaded, device->info().in_place ? 0u : 2 * 4096u) << "the pages that differ";
      b.fill(frames, 64, random_, next);
      b.expect();
      ASSERT_EQ(queue->submit(&b.task), DeviceStatus::kOk) << "while the task before may still run";
      ASSERT_EQ(wait(*queue), &a.task);
      ASSERT_EQ(wait(*queue), &b.task);
      a.check();
      b.check();
      if (HasFatalFailure()) return;
      a.task.stage[0].table = b.task.stage[0].table = {};
      before = next;
    }
    const auto all_freed = [&] {
      queue->resident(before);
      return std::all_of(owners.begin(), owners.end(), [](const auto& o) { return o.expired(); });
    };
    for (const std::uint64_t end_ns = now_ns() + 5'000'000'000; !all_freed() && now_ns() < end_ns;)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(all_freed()) << "versions that no task can use are freed";
    EXPECT_TRUE(queue->resident(before));
  }
}

TEST_F(Opencl, ForgetsWhatAPluginBrought) {
  SCOPED_TRACE(seed());
  const TestFrames frames(64, random_);
  for (const InPlaceMode mode : {InPlaceMode::kAuto, InPlaceMode::kOff}) {
    const auto device = open(mode);
    const KernelDecl brought = kTestSum;  // lies in the plugin
    const auto at = reinterpret_cast<std::uintptr_t>(&brought);
    const CodeRange code{at, at + sizeof brought};
    KernelTable table = table_version(0, 4196, 77);
    const std::weak_ptr<const void> owner = table.owner;
    ASSERT_TRUE(device->load_table(table));
    const auto queue = queue_of(*device, frames);
    ASSERT_TRUE(queue->resident(table));
    for (int round = 0; round < 3; ++round) {
      ASSERT_TRUE(device->add_kernel(brought));
      ASSERT_TRUE(device->forget(code)) << "a table that is in use stays";
    }
    ASSERT_TRUE(queue->resident(table));
    table = {};
    EXPECT_FALSE(device->forget(code)) << "the queue has it still";
    EXPECT_FALSE(owner.expired());
    queue->resident(table_version(1, 4196, 78));  // the next task of any element
    const auto forgotten = [&] { return static_cast<bool>(device->forget(code)) && owner.expired(); };
    for (const std::uint64_t end_ns = now_ns() + 5'000'000'000; !forgotten() && now_ns() < end_ns;)
      queue->resident(table_version(1, 4196, 78));
    EXPECT_TRUE(owner.expired());
  }
}

TEST_F(Opencl, TooLargeTableIsAnErrorAndNotALoss) {
  const auto device = open(InPlaceMode::kOff);
  KernelTable huge = table_version(1, 8192, 5);
  huge.bytes = ~std::uint64_t{0} >> 4;
  const auto loaded = device->load_table(huge);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text.find("make it smaller"), std::string::npos) << loaded.error().text;
  EXPECT_EQ(device->health(), DeviceHealth::kUp);
}

TEST_F(Opencl, Choice) {
  const std::vector<std::string> all = opencl_devices();
  const auto none = open_opencl({.device = "no such device", .cache_dir = dir_});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text.find("choose one of: " + all[0]), std::string::npos) << none.error().text;
  auto first = open_opencl({.device = "0:0", .cache_dir = dir_});
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_TRUE(open_opencl({.device = "0", .cache_dir = dir_}));
  EXPECT_FALSE(open_opencl({.device = std::to_string(all.size()), .cache_dir = dir_}));
  const DeviceInfo info = (*first)->info();
  EXPECT_EQ(info.kind, "opencl");
  EXPECT_EQ(all[0].find("0:0 " + info.model.substr(0, info.model.find(','))), 0u) << info.model;
  EXPECT_EQ(info.isa.find("OpenCL C "), 0u);
  EXPECT_GT(info.launch_us, 0);
  EXPECT_EQ(info.copy_in_gbps > 0, !info.in_place);
  if (all[0].find("Portable Computing Language") != std::string::npos) {
    EXPECT_TRUE(info.in_place) << "it runs on the CPU";
  }
  EXPECT_FALSE(open_opencl({.max_in_flight = 1, .cache_dir = dir_}));
  const auto copies = open_opencl({.cache_dir = dir_, .in_place = InPlaceMode::kOff});
  ASSERT_TRUE(copies);
  EXPECT_GT((*copies)->info().copy_in_gbps, 0);
  EXPECT_GT((*copies)->info().copy_out_gbps, 0);
  EXPECT_EQ((*copies)->info().tasks, 0u) << "measuring is not counted";
}

constexpr KernelDecl kBroken{
    .name = "broken", .read = {}, .write = {}, .cpu = {}, .opencl = "__kernel void broken() { undeclared_thing = 1; }"};
constexpr KernelDecl kMisnamed{
    .name = "misnamed", .read = {}, .write = {}, .cpu = {}, .opencl = "__kernel void other() { }"};
constexpr KernelDecl kTextless{.name = "textless", .read = {}, .write = {}, .cpu = {}};

TEST_F(Opencl, KernelErrorsCarryTheCompilersWords) {
  const auto device = open();
  const auto broken = device->add_kernel(kBroken);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().text.find("undeclared_thing"), std::string::npos) << broken.error().text;
  const auto misnamed = device->add_kernel(kMisnamed);
  ASSERT_FALSE(misnamed);
  EXPECT_NE(misnamed.error().text.find("misnamed"), std::string::npos) << misnamed.error().text;
  EXPECT_FALSE(device->add_kernel(kTextless));
  EXPECT_EQ(device->health(), DeviceHealth::kUp);
}

TEST_F(Opencl, ProgramsAreKeptBetweenRuns) {
  const auto found = opencl::choose_device("");
  ASSERT_TRUE(found);
  cl_int error = 0;
  const opencl::Context context(clCreateContext(nullptr, 1, &found->device, nullptr, nullptr, &error));
  ASSERT_EQ(error, 0);
  const opencl::ProgramCache cache(dir_);
  const auto cached = [&] {
    auto built = opencl::build_program(context.get(), found->device, "k", device::test_kernels_opencl, cache);
    EXPECT_TRUE(built) << built.error().text;
    EXPECT_TRUE(opencl::Kernel(clCreateKernel(built->program.get(), "test_sum", &error)));
    return built->cached;
  };
  EXPECT_FALSE(cached());
  EXPECT_TRUE(cached());
  const std::string path = cache.path_of(opencl::program_key(found->device, device::test_kernels_opencl));
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(200).put('?').put('!');
  EXPECT_FALSE(cached()) << "one damaged byte";
  EXPECT_TRUE(cached());
  std::filesystem::resize_file(path, 100);
  EXPECT_FALSE(cached()) << "cut off";
  EXPECT_TRUE(cached());
  cache.store(opencl::program_key(found->device, device::test_kernels_opencl), "no program at all");
  EXPECT_FALSE(cached()) << "whole, but the driver refuses it";
  EXPECT_TRUE(cached());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1) << "nothing left beside it";
  std::filesystem::permissions(dir_, std::filesystem::perms::all);
  EXPECT_EQ(opencl::ProgramCache(dir_).path_of("x"), "") << "anybody could put programs there";
}

TEST_F(Opencl, FailedLaunchLosesTheDevice) {
  SCOPED_TRACE(seed());
  const TestFrames frames(64, random_);
  for (const int good : {0, 1}) {
    const auto device = open();
    const auto queue = queue_of(*device, frames);
    const ImagePlan plan(kChains[2], queue->in_place(), kLimits);
    TestTask t(*queue, plan), other(*queue, plan);
    t.fill(frames, 64, random_);
    faults.launches_until_error = good;
    if (good) {
      // Its first stage runs, and may write to the image until poll() says so.
      ASSERT_EQ(queue->submit(&t.task), DeviceStatus::kOk);
      ASSERT_EQ(wait(*queue), &t.task);
      EXPECT_TRUE(t.task.failed);
    } else {
      ASSERT_EQ(queue->submit(&t.task), DeviceStatus::kGone);
      EXPECT_EQ(queue->in_flight(), 0u);
    }
    EXPECT_EQ(device->health(), DeviceHealth::kLost);
    EXPECT_NE(device->info().error.find("CL_OUT_OF_RESOURCES"), std::string::npos) << device->info().error;
    EXPECT_EQ(queue->submit(&other.task), DeviceStatus::kGone);
  }
}

TEST_F(Opencl, FailedTaskComesBackFailed) {
  SCOPED_TRACE(seed());
  const TestFrames frames(64, random_);
  const auto device = open();
  const auto queue = queue_of(*device, frames);
  const ImagePlan plan(kChains[0], queue->in_place(), kLimits);
  TestTask t(*queue, plan);
  t.fill(frames, 64, random_);
  ASSERT_EQ(queue->submit(&t.task), DeviceStatus::kOk);
  faults.event_status = CL_OUT_OF_RESOURCES;
  ASSERT_EQ(wait(*queue), &t.task);
  EXPECT_TRUE(t.task.failed);
  EXPECT_EQ(device->health(), DeviceHealth::kLost);
  EXPECT_EQ(device->info().tasks, 0u);
  EXPECT_EQ(queue->submit(&t.task), DeviceStatus::kGone);
}

TEST_F(Opencl, AHangIsLeftBehind) {
  SCOPED_TRACE(seed());
  const TestFrames frames(64, random_);
  std::uint8_t* image = nullptr;
  auto device = open();
  {
    auto queue = queue_of(*device, frames);
    const ImagePlan plan(kChains[0], queue->in_place(), kLimits);
    TestTask t(*queue, plan);
    t.fill(frames, 64, random_);
    faults.event_status = CL_RUNNING;
    ASSERT_EQ(queue->submit(&t.task), DeviceStatus::kOk);
    EXPECT_EQ(queue->poll(), nullptr);
    EXPECT_EQ(queue->in_flight(), 1u);
    queue->abandon();
    EXPECT_EQ(queue->in_flight(), 0u);
    EXPECT_EQ(queue->poll(), nullptr);
    EXPECT_EQ(queue->submit(&t.task), DeviceStatus::kGone);
    image = t.task.image.host;
    const std::uint64_t start_ns = now_ns();
    queue.reset();
    EXPECT_GT(now_ns() - start_ns, 500'000'000u) << "waits a moment";
    EXPECT_LT(now_ns() - start_ns, 5'000'000'000u) << "and not for ever";
    device.reset();
    EXPECT_LT(now_ns() - start_ns, 9'000'000'000u);
  }
  std::memset(image, 1, 4096);  // still there, as the sanitizer would tell
}

TEST_F(Opencl, AbandonedTasksThatFinishAreFreed) {
  SCOPED_TRACE(seed());
  const TestFrames frames(64, random_);
  const auto device = open();
  auto queue = queue_of(*device, frames);
  const ImagePlan plan(kChains[0], queue->in_place(), kLimits);
  TestTask t(*queue, plan);
  t.fill(frames, 64, random_);
  ASSERT_EQ(queue->submit(&t.task), DeviceStatus::kOk);
  queue->abandon();
  const std::uint64_t start_ns = now_ns();
  queue.reset();
  EXPECT_LT(now_ns() - start_ns, 900'000'000u) << "did not run into the timeout";
}

}  // namespace
}  // namespace fulcrum
