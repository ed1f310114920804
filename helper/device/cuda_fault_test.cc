// SPDX-License-Identifier: MIT
// cuda_fault_test.cc - the CUDA back end when the driver, the device or the build fails: what it says, that it ends.
#include "device/cuda_testing.h"

namespace fulcrum::testing {
namespace {

const std::vector<ChainLink> kAlone = {{&kSum}};

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Milliseconds that `work` takes.
template <class F>
unsigned long long took_ms(F&& work) {
  const std::uint64_t start_ns = now_ns();
  work();
  return (now_ns() - start_ns) / 1'000'000;
}

class CudaFault : public CudaTest {
 protected:
  // A device with a queue and room for three tasks.
  void open_all() {
    device = open();
    ASSERT_TRUE(device);
    queue = open_queue(*device);
    ASSERT_TRUE(queue);
    plan = plan_for(kAlone, queue->in_place());
    for (unsigned i = 0; i < jobs.size(); ++i) jobs[i].make(plan, image_for(*queue, plan), *frames, 32, 64 * i);
  }
  void close_all() {
    queue.reset();
    device.reset();
  }
  DeviceStatus submit(Job& job) { return queue->submit(&job.task); }

  std::unique_ptr<Device> device;
  std::unique_ptr<DeviceQueue> queue;
  ImagePlan plan;
  std::array<Job, 3> jobs;
};

TEST_F(CudaFault, WithoutADriverItSaysSo) {
  config.library = "/nonexistent/libcuda.so.1";
  EXPECT_TRUE(says(why_not(), "gpu0: cuda: no driver: ")) << why_not();
  EXPECT_TRUE(says(why_not(), "install NVIDIA's driver")) << why_not();
  config.library = "libm.so.6";  // a library, but not a driver
  EXPECT_TRUE(says(why_not(), "libm.so.6: lacks cuInit, ")) << why_not();
}

TEST_F(CudaFault, DriverWithoutDevice) {
  standin.set("init_error", 999);
  EXPECT_TRUE(says(why_not(), "cuInit: CUDA_ERROR_UNKNOWN")) << why_not();
  standin.set("init_error", 0);
  standin.set("devices", 0);
  EXPECT_TRUE(says(why_not(), "gpu0: devices: CUDA_ERROR_NO_DEVICE")) << why_not();
  standin.set("devices", 1);
  standin.set("retain_error", 46);
  EXPECT_TRUE(says(why_not(), "gpu0: context: CUDA_ERROR_DEVICE_UNAVAILABLE")) << why_not();
}

TEST_F(CudaFault, KernelsThatCannotBeLoaded) {
  device = open();
  ASSERT_TRUE(device);
  const KernelDecl not_built = {.name = "not_built", .cpu = {sum_v2}, .cuda = no_binary};
  auto added = device->add_kernel(not_built);
  ASSERT_FALSE(added);
  EXPECT_TRUE(says(added.error().text, "gpu0: kernel not_built: built without CUDA: install nvcc"))
      << added.error().text;
  const KernelDecl missing = {.name = "missing", .cpu = {sum_v2}, .cuda = test_binary};
  added = device->add_kernel(missing);
  ASSERT_FALSE(added);
  EXPECT_TRUE(says(added.error().text, "kernel missing: CUDA_ERROR_NOT_FOUND")) << added.error().text;
  standin.set("module_error", 218);
  added = device->add_kernel(missing);
  ASSERT_FALSE(added);
  EXPECT_TRUE(says(added.error().text, "CUDA_ERROR_INVALID_PTX")) << added.error().text;
  EXPECT_TRUE(says(added.error().text, "ptxas error: told to fail, line 7")) << added.error().text;
  standin.set("module_error", 209);
  added = device->add_kernel(missing);
  ASSERT_FALSE(added);
  EXPECT_TRUE(says(added.error().text, "build with CUDA_ARCHS=90 added")) << added.error().text;
  EXPECT_EQ(device->health(), DeviceHealth::kUp);
  close_all();
}

TEST_F(CudaFault, OutOfMemoryNamesTheSizes) {
  open_all();
  standin.set("oom_at", 1);
  auto image = queue->allocate(12345);
  ASSERT_FALSE(image);
  EXPECT_TRUE(says(image.error().text, "gpu0: task image: 12345 bytes: CUDA_ERROR_OUT_OF_MEMORY"))
      << image.error().text;
  EXPECT_TRUE(says(image.error().text, "of 1073741824 bytes are free: lower task_bytes")) << image.error().text;
  standin.set("host_oom_at", 1);
  image = queue->allocate(123456);
  ASSERT_FALSE(image);
  EXPECT_TRUE(says(image.error().text, "123456 bytes of pinned host memory: CUDA_ERROR_OUT_OF_MEMORY"))
      << image.error().text;
  // A table that does not fit: tasks go on without, and the device is not to blame.
  auto words = std::make_shared<std::vector<std::uint32_t>>(16, 1);
  const KernelTable table{words, words->data(), 64, 1, 3};
  standin.set("oom_at", 1);
  auto loaded = device->load_table(table);
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(says(loaded.error().text, "table of 64 bytes")) << loaded.error().text;
  jobs[0].task.stage[0].table = table;
  ASSERT_EQ(submit(jobs[0]), DeviceStatus::kOk);
  ASSERT_EQ(next(*queue), &jobs[0].task);
  EXPECT_TRUE(jobs[0].task.failed);
  EXPECT_EQ(device->health(), DeviceHealth::kUp);
  ASSERT_TRUE(device->load_table(table));
  EXPECT_TRUE(queue->resident(table));
  close_all();
}

TEST_F(CudaFault, ARefusedLaunchFailsOneTask) {
  open_all();
  standin.set("launch_error_at", 2);
  for (Job& job : jobs) ASSERT_EQ(submit(job), DeviceStatus::kOk);
  for (Job& job : jobs) ASSERT_EQ(next(*queue), &job.task);
  jobs[0].check();
  EXPECT_TRUE(jobs[1].task.failed);
  jobs[2].check();
  EXPECT_EQ(device->health(), DeviceHealth::kUp);
  EXPECT_EQ(device->info().errors, 1u);
  EXPECT_TRUE(says(device->info().error, "launch: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES")) << device->info().error;
  close_all();
}

class CudaStickyFault : public CudaFault, public ::testing::WithParamInterface<std::pair<int, const char*>> {};
INSTANTIATE_TEST_SUITE_P(All, CudaStickyFault,
                         ::testing::Values(std::pair{700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
                                           std::pair{719, "CUDA_ERROR_LAUNCH_FAILED"},
                                           std::pair{214, "CUDA_ERROR_ECC_UNCORRECTABLE"},
                                           std::pair{46, "CUDA_ERROR_DEVICE_UNAVAILABLE"},
                                           std::pair{999, "CUDA_ERROR_UNKNOWN"}));

TEST_P(CudaStickyFault, LosesTheDeviceAndItCanBeOpenedAgain) {
  open_all();
  standin.set("fault_error", GetParam().first);
  standin.set("fault_at", 2);
  standin.set("launch_ns", 1'000'000);
  for (Job& job : jobs) ASSERT_EQ(submit(job), DeviceStatus::kOk);
  ASSERT_EQ(next(*queue), &jobs[0].task);
  for (Job* job : {&jobs[1], &jobs[2]}) {
    ASSERT_EQ(next(*queue), &job->task);
    EXPECT_TRUE(job->task.failed);
  }
  EXPECT_EQ(device->health(), DeviceHealth::kLost);
  EXPECT_TRUE(says(device->info().error, std::string("task: ") + GetParam().second)) << device->info().error;
  EXPECT_EQ(device->info().health, DeviceHealth::kLost);
  EXPECT_EQ(submit(jobs[0]), DeviceStatus::kGone);
  EXPECT_LT(took_ms([&] { close_all(); }), 10000u);
  EXPECT_EQ(standin.left(), "");  // all ends with the context
  open_all();
  ASSERT_EQ(submit(jobs[0]), DeviceStatus::kOk);
  ASSERT_EQ(next(*queue), &jobs[0].task);
  jobs[0].check();
  close_all();
}

TEST_F(CudaFault, LostWhileSubmitting) {
  open_all();
  ASSERT_EQ(submit(jobs[0]), DeviceStatus::kOk);
  standin.set("copy_error_at", 1);
  ASSERT_EQ(submit(jobs[1]), DeviceStatus::kOk);
  EXPECT_EQ(device->health(), DeviceHealth::kLost);
  EXPECT_EQ(submit(jobs[2]), DeviceStatus::kGone);
  ASSERT_EQ(next(*queue), &jobs[0].task);
  ASSERT_EQ(next(*queue), &jobs[1].task);
  EXPECT_TRUE(jobs[0].task.failed && jobs[1].task.failed);
  EXPECT_TRUE(says(device->info().error, "copy in: CUDA_ERROR_LAUNCH_FAILED")) << device->info().error;
  close_all();
}

TEST_F(CudaFault, ADeviceThatStaysBrokenIsNotOpenedAgain) {
  open_all();
  standin.set("stays_broken", 1);
  standin.set("fault_at", 1);
  ASSERT_EQ(submit(jobs[0]), DeviceStatus::kOk);
  ASSERT_EQ(next(*queue), &jobs[0].task);
  close_all();
  EXPECT_TRUE(says(why_not(), "gpu0: context: CUDA_ERROR_ILLEGAL_ADDRESS")) << why_not();
  EXPECT_TRUE(says(why_not(), "needs the helper to be restarted")) << why_not();
}

TEST_F(CudaFault, AHangingTaskIsAbandonedAndItsMemoryKept) {
  open_all();
  standin.set("hang_at", 2);  // of one task: start, end
  ASSERT_EQ(submit(jobs[0]), DeviceStatus::kOk);
  ASSERT_EQ(submit(jobs[1]), DeviceStatus::kOk);
  for (unsigned i = 0; i < 1000; ++i) ASSERT_EQ(queue->poll(), nullptr);
  EXPECT_EQ(queue->in_flight(), 2u);
  queue->abandon();
  EXPECT_EQ(queue->in_flight(), 0u);
  EXPECT_EQ(queue->poll(), nullptr);
  EXPECT_EQ(submit(jobs[2]), DeviceStatus::kGone);
  const long long memory = standin.get("memory"), host = standin.get("host");
  EXPECT_LT(took_ms([&] { close_all(); }), 10000u);
  EXPECT_EQ(standin.get("memory"), memory);  // the device may still write there
  EXPECT_EQ(standin.get("host"), host);
  leaks = true;
}

TEST_F(CudaFault, AHangingTaskHoldsItsQueueUpForALimitedTime) {
  config.drain_ms = 50;
  open_all();
  standin.set("hang_at", 2);
  ASSERT_EQ(submit(jobs[0]), DeviceStatus::kOk);
  const unsigned long long ms = took_ms([&] { close_all(); });
  EXPECT_GE(ms, 50u);
  EXPECT_LT(ms, 10000u);
  leaks = true;
}

TEST_F(CudaFault, TasksAreWaitedForWhenAQueueCloses) {
  open_all();
  standin.set("launch_ns", 100'000'000);
  ASSERT_EQ(submit(jobs[0]), DeviceStatus::kOk);
  EXPECT_GE(took_ms([&] { queue.reset(); }), 90u);
  jobs[0].check();
  device.reset();
}

TEST_F(CudaFault, ADriverThatNeverComesBackIsLeftToItself) {
  config.teardown_ms = 100;
  open_all();
  standin.set("release_hangs", 1);
  const unsigned long long ms = took_ms([&] { close_all(); });
  EXPECT_GE(ms, 100u);
  EXPECT_LT(ms, 10000u);
  leaks = true;
}

TEST_F(CudaFault, ADeviceThatHangsOrComputesWronglyIsNotOpened) {
  standin.set("flip_at", 3);  // two large copies, then the first results
  EXPECT_TRUE(says(why_not(), "gpu0: probe: the device computes wrongly (frames copied)")) << why_not();
  standin.reset();
  config.limit_ms = 100;
  standin.set("hang_at", 12);
  std::string error;
  EXPECT_LT(took_ms([&] { error = why_not(); }), 15000u);
  EXPECT_TRUE(says(error, "not done after 100 ms: the device hangs")) << error;
  leaks = true;
}

TEST_F(CudaFault, FramesThatCannotBeMappedAreCopied) {
  standin.set("copy_ns_per_kb", 20'000);  // copies are slow: in place is better
  device = open();
  ASSERT_TRUE(device);
  EXPECT_TRUE(device->info().in_place);
  standin.set("copy_ns_per_kb", 0);
  standin.set("register_error", 801);
  queue = open_queue(*device);
  ASSERT_TRUE(queue);
  EXPECT_FALSE(queue->in_place());
  EXPECT_FALSE(device->info().in_place);
  EXPECT_TRUE(says(device->info().error, "CUDA_ERROR_NOT_SUPPORTED")) << device->info().error;
  EXPECT_TRUE(says(device->info().error, "gathered and copied instead")) << device->info().error;
  plan = plan_for(kAlone, false);
  jobs[0].make(plan, image_for(*queue, plan), *frames, 32, 0);
  ASSERT_EQ(submit(jobs[0]), DeviceStatus::kOk);
  ASSERT_EQ(next(*queue), &jobs[0].task);
  jobs[0].check();
  close_all();
}

TEST_F(CudaFault, FramesThatMustBeReadInPlaceAreOrItSaysWhyNot) {
  config.in_place = InPlaceMode::kOn;
  standin.set("map_host", 0);
  device = open();
  ASSERT_TRUE(device);
  auto refused = device->open_queue(frames->base(), Frames::bytes());
  ASSERT_FALSE(refused);
  EXPECT_TRUE(says(refused.error().text, "gpu0: frames: the device cannot map host memory: in_place on: leave it out"))
      << refused.error().text;
  close_all();
}

}  // namespace
}  // namespace fulcrum::testing
