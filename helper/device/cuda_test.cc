// SPDX-License-Identifier: MIT
// cuda_test.cc - the CUDA back end on the stand-in driver: results, bytes copied, order, tables.
#include <numeric>

#include "device/cuda_testing.h"

namespace fulcrum::testing {
namespace {

const std::vector<ChainLink> kAlone = {{&kSum}};
const std::vector<ChainLink> kChain = {{&kWrap}, {&kTail, Condition::kIfNonZero}};

class CudaAccess : public CudaTest, public ::testing::WithParamInterface<InPlaceMode> {};
INSTANTIATE_TEST_SUITE_P(Frames, CudaAccess, ::testing::Values(InPlaceMode::kOn, InPlaceMode::kOff));

TEST_P(CudaAccess, ComputesWhatTheCpuComputes) {
  config.in_place = GetParam();
  auto device = open();
  ASSERT_TRUE(device);
  auto queue = open_queue(*device);
  ASSERT_TRUE(queue);
  EXPECT_EQ(queue->in_place(), GetParam() == InPlaceMode::kOn);
  for (const auto& chain : {kAlone, kChain}) {
    const ImagePlan plan = plan_for(chain, queue->in_place());
    const ImageMemory memory = image_for(*queue, plan);
    for (unsigned run = 0; run < 20; ++run) {
      Job job;
      job.make(plan, memory, *frames, 1 + frames->random() % 64, run);
      const long long in = standin.get("in_bytes"), out = standin.get("out_bytes");
      ASSERT_EQ(queue->submit(&job.task), DeviceStatus::kOk);
      ASSERT_EQ(next(*queue), &job.task);
      job.check();
      // Only what was declared travels: what one stage leaves for the next stays there.
      EXPECT_EQ(standin.get("in_bytes") - in, static_cast<long long>(job.task.in.total_bytes()));
      EXPECT_EQ(standin.get("out_bytes") - out, static_cast<long long>(job.task.out.total_bytes()));
    }
  }
  EXPECT_EQ(device->info().tasks, 40u);
  EXPECT_EQ(device->info().errors, 0u);
}

TEST_P(CudaAccess, CopiesTheDeclaredMinimum) {
  config.in_place = GetParam();
  auto device = open();
  ASSERT_TRUE(device);
  auto queue = open_queue(*device);
  const ImagePlan plan = plan_for(kAlone, queue->in_place());
  Job job;
  job.make(plan, image_for(*queue, plan), *frames, 64, 0);
  const std::uint64_t packets = std::accumulate(job.batch.len, job.batch.len + 64, std::uint64_t{0});
  const long long in = standin.get("in_bytes"), out = standin.get("out_bytes");
  ASSERT_EQ(queue->submit(&job.task), DeviceStatus::kOk);
  ASSERT_EQ(next(*queue), &job.task);
  const std::uint64_t records = 64 * (8 + 4);  // range and in column
  const std::uint64_t copied = static_cast<std::uint64_t>(standin.get("in_bytes") - in);
  if (queue->in_place()) {
    EXPECT_EQ(copied, records);
  } else {
    EXPECT_GE(copied, records + packets);
    EXPECT_LE(copied, records + packets + 64 * 15);  // alignment of 16
  }
  EXPECT_EQ(standin.get("out_bytes") - out, 64 * (4 + 4));
}

TEST_F(CudaTest, TasksOverlapAndRetireInOrder) {
  config.max_in_flight = 4;
  auto device = open();
  ASSERT_TRUE(device);
  auto queue = open_queue(*device);
  const ImagePlan plan = plan_for(kAlone, queue->in_place());
  std::array<Job, 5> jobs;
  for (unsigned i = 0; i < 5; ++i) jobs[i].make(plan, image_for(*queue, plan), *frames, 64, 64 * i);
  standin.set("launch_ns", 200'000'000);
  ASSERT_EQ(queue->submit(&jobs[0].task), DeviceStatus::kOk);
  standin.set("launch_ns", 1000);  // the later ones are done first
  for (unsigned i = 1; i < 4; ++i) ASSERT_EQ(queue->submit(&jobs[i].task), DeviceStatus::kOk);
  EXPECT_EQ(queue->submit(&jobs[4].task), DeviceStatus::kFull);
  EXPECT_EQ(queue->in_flight(), 4u);
  EXPECT_EQ(queue->poll(), nullptr);
  for (unsigned i = 0; i < 4; ++i) {
    ASSERT_EQ(next(*queue), &jobs[i].task);
    jobs[i].check();
  }
  EXPECT_GE(standin.get("parallel"), 2);
  EXPECT_GE(jobs[0].task.service_ns, 200'000'000u);
  EXPECT_LT(jobs[3].task.service_ns, 200'000'000u);
  EXPECT_EQ(queue->in_flight(), 0u);
}

// A table of a number of pages, one word of meaning.
KernelTable table_version(std::uint64_t version, std::uint32_t word, std::size_t bytes = 1 << 20) {
  auto data = std::make_shared<std::vector<std::uint32_t>>(bytes / 4, 5);
  (*data)[0] = word;
  return {data, data->data(), bytes, version, 77};
}

TEST_F(CudaTest, TableVersionsAreMadeAside) {
  auto device = open();
  ASSERT_TRUE(device);
  auto queue = open_queue(*device);
  const ImagePlan plan = plan_for(kAlone, queue->in_place());
  const ImageMemory memory = image_for(*queue, plan), other = image_for(*queue, plan);
  const KernelTable one = table_version(1, 100), two = table_version(2, 200);
  ASSERT_TRUE(device->load_table(one));
  EXPECT_TRUE(queue->resident(one));
  const long long in = standin.get("in_bytes"), within = standin.get("within_bytes");
  standin.set("copy_ns_per_kb", 1000);
  EXPECT_FALSE(queue->resident(two));
  Job old;
  old.make(plan, memory, *frames, 32, 0, one);
  ASSERT_EQ(queue->submit(&old.task), DeviceStatus::kOk);  // goes on with the version there is
  ASSERT_TRUE(eventually([&] { return queue->resident(two); }));
  Job young;
  young.make(plan, other, *frames, 32, 64, two);
  ASSERT_EQ(queue->submit(&young.task), DeviceStatus::kOk);
  ASSERT_EQ(next(*queue), &old.task);
  old.check();
  ASSERT_EQ(next(*queue), &young.task);
  young.check();
  // One page changed: one page came over the bus, the rest was copied there.
  const long long tasks = static_cast<long long>(old.task.in.total_bytes() + young.task.in.total_bytes());
  EXPECT_EQ(standin.get("in_bytes") - in - tasks, 4096);
  EXPECT_EQ(standin.get("within_bytes") - within, 1 << 20);
  EXPECT_TRUE(queue->resident(KernelTable{}));
}

TEST_F(CudaTest, ManyVersionsTakeNoMoreMemory) {
  auto device = open();
  ASSERT_TRUE(device);
  auto queue = open_queue(*device);
  const ImagePlan plan = plan_for(kAlone, queue->in_place());
  const ImageMemory memory = image_for(*queue, plan);
  ASSERT_TRUE(device->load_table(table_version(1, 1)));
  long long after_some = 0;
  for (std::uint32_t v = 2; v < 60; ++v) {
    const KernelTable table = table_version(v, v * 3, 3 << 20);  // three pieces
    ASSERT_TRUE(eventually([&] { return queue->resident(table); })) << v;
    Job job;
    job.make(plan, memory, *frames, 4, v, table);
    ASSERT_EQ(queue->submit(&job.task), DeviceStatus::kOk);
    ASSERT_EQ(next(*queue), &job.task);
    job.check();
    if (v == 12) after_some = standin.get("memory");
  }
  EXPECT_EQ(standin.get("memory"), after_some);
}

TEST_F(CudaTest, ForgetsWhatAPluginBrought) {
  auto device = open();
  ASSERT_TRUE(device);
  auto queue = open_queue(*device);
  const KernelDecl brought = *kAlone[0].kernel;  // lies in the plugin
  const auto at = reinterpret_cast<std::uintptr_t>(&brought);
  const CodeRange code{at, at + sizeof brought};
  KernelTable table = table_version(1, 100);
  const std::weak_ptr<const void> owner = table.owner;
  ASSERT_TRUE(device->load_table(table));
  ASSERT_TRUE(queue->resident(table));
  for (int round = 0; round < 600; ++round) {  // more than a device has places
    ASSERT_TRUE(device->add_kernel(brought)) << round;
    ASSERT_TRUE(device->forget(code));
  }
  EXPECT_FALSE(owner.expired());
  EXPECT_TRUE(queue->resident(table)) << "in use, so it stays";
  table = {};
  ASSERT_TRUE(device->forget(code));
  EXPECT_TRUE(owner.expired());
  const KernelTable next_one = table_version(2, 200);
  ASSERT_TRUE(device->load_table(next_one));
  EXPECT_TRUE(queue->resident(next_one));
}

TEST_F(CudaTest, VersionsInUseStay) {
  auto device = open();
  ASSERT_TRUE(device);
  auto queue = open_queue(*device);
  const ImagePlan plan = plan_for(kAlone, queue->in_place());
  const ImageMemory memory = image_for(*queue, plan), other = image_for(*queue, plan);
  const KernelTable one = table_version(1, 100), two = table_version(2, 200);
  ASSERT_TRUE(device->load_table(one));
  ASSERT_TRUE(device->load_table(two));
  ASSERT_TRUE(queue->resident(two));  // a queue keeps what it was told is there
  Job slow, later;
  slow.make(plan, memory, *frames, 32, 0, one);
  later.make(plan, other, *frames, 32, 64, two);
  standin.set("launch_ns", 100'000'000);
  ASSERT_EQ(queue->submit(&slow.task), DeviceStatus::kOk);
  standin.set("launch_ns", 0);
  for (std::uint32_t v = 3; v < 30; ++v) ASSERT_TRUE(device->load_table(table_version(v, v)));
  ASSERT_EQ(queue->submit(&later.task), DeviceStatus::kOk);
  ASSERT_EQ(next(*queue), &slow.task);
  slow.check();
  ASSERT_EQ(next(*queue), &later.task);
  later.check();
}

TEST_F(CudaTest, TwoWorkersAndAStreamOfVersions) {
  auto device = open();
  ASSERT_TRUE(device);
  ASSERT_TRUE(device->load_table(table_version(1, 1)));
  std::atomic<std::uint32_t> newest{1};
  auto work = [&](unsigned number, Frames& own, DeviceQueue& queue) {
    const ImagePlan plan = plan_for(kChain, queue.in_place());
    const ImagePlan sum = plan_for(kAlone, queue.in_place());
    const ImageMemory memory = image_for(queue, plan), of_sum = image_for(queue, sum);
    KernelTable in_use = table_version(1, 1);
    for (unsigned run = 0; run < 150; ++run) {
      const std::uint32_t wanted = newest.load();
      if (in_use.version != wanted) {
        const KernelTable next_table = table_version(wanted, wanted);
        if (queue.resident(next_table)) in_use = next_table;
      }
      Job a, b;
      a.make(plan, memory, own, 16, run);
      b.make(sum, of_sum, own, 16, run + 100, in_use);
      ASSERT_EQ(queue.submit(&a.task), DeviceStatus::kOk);
      ASSERT_EQ(queue.submit(&b.task), DeviceStatus::kOk);
      ASSERT_EQ(next(queue), &a.task);
      ASSERT_EQ(next(queue), &b.task);
      a.check();
      b.check();
      if (run % 5 == 0 && number == 0) newest.fetch_add(1);
    }
  };
  Frames other(frames->random());
  auto first = device->open_queue(frames->base(), Frames::bytes());
  auto second = device->open_queue(other.base(), Frames::bytes());
  ASSERT_TRUE(first && second);
  std::thread one([&] { work(0, *frames, **first); }), two([&] { work(1, other, **second); });
  one.join();
  two.join();
  second->reset();  // before its frames
}

TEST_F(CudaTest, SaysWhatItIs) {
  standin.set("devices", 3);
  config.name = "gpu7";
  auto device = open();
  ASSERT_TRUE(device);
  const DeviceInfo info = device->info();
  EXPECT_EQ(info.name, "gpu7");
  EXPECT_EQ(info.kind, "cuda");
  EXPECT_EQ(info.isa, "sm_90");
  EXPECT_EQ(info.model, "Stand-in 0, 8 SMs, 1.0 GiB, driver for CUDA 13.0");
  EXPECT_GT(info.launch_us, 0);
  EXPECT_GT(info.copy_in_gbps, 0);
  EXPECT_GT(info.copy_out_gbps, 0);
  EXPECT_EQ(info.tasks, 0u);  // measuring does not count
  EXPECT_EQ(info.error, "");
}

TEST_F(CudaTest, DevicesAreChosenByNumberUuidOrBus) {
  standin.set("devices", 3);
  for (const auto& [selector, found] :
       std::vector<std::pair<std::string, std::string>>{{"", "Stand-in 0"},
                                                        {"2", "Stand-in 2"},
                                                        {"GPU-a1a1a1a1-a1a1", "Stand-in 1"},
                                                        {"MIG-A2A2A2A2-a2a2-a2a2-a2a2-a2a2a2a2a2a2", "Stand-in 2"},
                                                        {"0000:11:00.0", "Stand-in 1"}}) {
    config.device = selector;
    auto device = open();
    ASSERT_TRUE(device) << selector;
    EXPECT_EQ(device->info().model.rfind(found, 0), 0u) << selector;
  }
  for (const auto& [selector, error] :
       std::vector<std::pair<std::string, std::string>>{{"3", "gpu0: device 3: there are 3, counted from 0"},
                                                        {"fast", "give its number, UUID (GPU-…, MIG-…) or PCI bus id"},
                                                        {"GPU-ff", "not here: there are a0a0"},
                                                        {"0000:99:00.0", "CUDA_ERROR_INVALID_DEVICE"}}) {
    config.device = selector;
    EXPECT_NE(why_not().find(error), std::string::npos) << why_not();
  }
}

TEST_F(CudaTest, TwoDevicesReadTheSameFrames) {
  standin.set("devices", 2);
  config.in_place = InPlaceMode::kOn;
  auto first = open();
  config.device = "1";
  auto second = open();
  ASSERT_TRUE(first && second);
  auto a = open_queue(*first), b = open_queue(*second), c = open_queue(*second);
  ASSERT_TRUE(a->in_place() && b->in_place() && c->in_place());
  first.reset();  // queues outlive it
  const ImagePlan plan = plan_for(kAlone, true);
  for (auto* queue : {&a, &b, &c}) {
    Job job;
    job.make(plan, image_for(**queue, plan), *frames, 20, 0);
    ASSERT_EQ((*queue)->submit(&job.task), DeviceStatus::kOk);
    ASSERT_EQ(next(**queue), &job.task);
    job.check();
    queue->reset();
  }
}

}  // namespace
}  // namespace fulcrum::testing
