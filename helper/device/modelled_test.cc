// SPDX-License-Identifier: MIT
// modelled_test.cc - a modelled device on a virtual clock: when tasks come back, and how they fail.
#include "device/modelled.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <random>
#include <thread>

#include "device/modelled_inline.h"
#include "device/task_image.h"

namespace fulcrum {
namespace {

std::atomic<std::uint64_t> virtual_ns{0};
std::uint64_t virtual_now() noexcept { return virtual_ns.load(); }
void sleep_virtually(std::uint64_t ns) { virtual_ns = std::max(virtual_ns.load(), ns); }

// Result: sum of the packet's bytes and the table's word. Writes the packet with every bit turned.
void turn(const fu_task& t, fu_u32 first, fu_u32 count) noexcept {
  for (fu_u32 k = first; k < first + count; ++k) {
    fu_u32 length;
    const fu_u8* bytes = fu_range(&t, k, &length);
    fu_u32 sum = t.table ? *reinterpret_cast<const fu_u32*>(t.table) : 0;
    for (fu_u32 i = 0; i < length; ++i) {
      sum += bytes[i];
      fu_write(&t, k)[i] = static_cast<fu_u8>(~bytes[i]);
    }
    fu_out(&t, k)[0] = sum;
    fu_out(&t, k)[1] = length;
  }
}
const KernelDecl kTurn{.name = "turn", .read = {PacketRange::kWhole}, .write = {.present = true}, .cpu = {.v2 = turn}};

// A batch of random packets as a task, and what must come of it.
class Work {
 public:
  Work(const ImagePlan& plan, DeviceQueue& queue, std::mt19937_64& random, std::uint32_t table_word = 0)
      : frames_(kBatchSize * kFrameBytes), table_word_(table_word) {
    batch_.count = 1 + static_cast<unsigned>(random() % kBatchSize);
    for (unsigned i = 0; i < batch_.count; ++i) {
      batch_.data[i] = &frames_[std::size_t{i} * kFrameBytes];
      batch_.len[i] = 60 + static_cast<std::uint32_t>(random() % 1400);
      batch_.l3_off[i] = batch_.l4_off[i] = batch_.payload_off[i] = 0;
      batch_.flags[i] = 0;
      for (std::uint32_t b = 0; b < batch_.len[i]; ++b) batch_.data[i][b] = static_cast<std::uint8_t>(random());
    }
    before_ = frames_;
    auto image = queue.allocate(plan.image_bytes());
    EXPECT_TRUE(image) << image.error().text;
    task.image = *image;
    fill_.open(task, plan, frames_.data());
    fill_.add(batch_, batch_.all());
    task.stage[0].table = {nullptr, &table_word_, sizeof table_word_, 1, 0};
    fill_.close();
  }
  Work(const Work&) = delete;

  // Results and the packets that were put back are what the kernel makes of them.
  bool right() {
    const Mask all = batch_.all();
    const ItemResults results = fill_.results(0, 0, all);
    for (unsigned i = 0; i < batch_.count; ++i) {
      std::uint32_t sum = table_word_;
      for (std::uint32_t b = 0; b < batch_.len[i]; ++b) sum += before_[std::size_t{i} * kFrameBytes + b];
      if (results.result(i) != sum) return false;
    }
    fill_.put_back(0, 0, all, all, batch_);
    for (unsigned i = 0; i < batch_.count; ++i)
      for (std::uint32_t b = 0; b < batch_.len[i]; ++b)
        if (batch_.data[i][b] != static_cast<std::uint8_t>(~before_[std::size_t{i} * kFrameBytes + b])) return false;
    return true;
  }

  DeviceTask task;

 private:
  static constexpr std::size_t kFrameBytes = 2048;
  std::vector<std::uint8_t> frames_, before_;
  std::uint32_t table_word_;
  Batch batch_{};
  TaskFill fill_;
};

DeviceModel card() {
  DeviceModel m;
  m.file = "card.toml";
  m.name = "a card";
  m.launch_ns = 10'000;
  m.copy_in_bytes_per_s = 1'000'000'000;
  m.copy_out_bytes_per_s = 1'000'000'000;
  m.any = {"", 1000, 10'000'000, 0};
  return m;
}

struct Opened {
  explicit Opened(const DeviceModel& model, unsigned max_in_flight = 4, std::unique_ptr<Device> inner = nullptr,
                  std::shared_ptr<FailureScript> script = std::make_shared<FailureScript>()) {
    ModelledConfig config;
    config.name = "gpu0";
    config.model = model;
    config.script = std::move(script);
    config.max_in_flight = max_in_flight;
    config.clock = {virtual_now, sleep_virtually};
    auto opened = open_modelled(config, std::move(inner));
    if (!opened) {
      error = opened.error().text;
      return;
    }
    device = std::move(*opened);
    EXPECT_TRUE(device->add_kernel(kTurn));
    auto q = device->open_queue(nullptr, 0);
    EXPECT_TRUE(q);
    queue = std::move(*q);
    const ChainLink link{&kTurn};
    plan = ImagePlan({&link, 1}, queue->in_place(), {.items = kBatchSize, .read_bytes = 1 << 17});
  }
  std::unique_ptr<Device> device;
  std::unique_ptr<DeviceQueue> queue;
  ImagePlan plan;
  std::string error;
};

// Polls until the wrapped device must have finished: it runs in real time.
DeviceTask* poll_until_back(DeviceQueue& queue) {
  for (unsigned i = 0; i < 200'000; ++i) {
    if (DeviceTask* t = queue.poll()) return t;
    std::this_thread::yield();
  }
  return nullptr;
}
bool never_back(DeviceQueue& queue) {
  for (unsigned i = 0; i < 300; ++i) {
    if (queue.poll()) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

class Modelled : public ::testing::Test {
 protected:
  Modelled() : seed(std::random_device{}()), random(seed), trace_(__FILE__, __LINE__, "seed " + std::to_string(seed)) {
    virtual_ns = 1'000'000;
  }
  const unsigned seed;
  std::mt19937_64 random;

 private:
  ::testing::ScopedTrace trace_;
};

// What a model makes of tasks of one stage, reckoned here: link in, one engine, link out.
struct Expected {
  const DeviceModel& m;
  std::uint64_t in = 0, engine = 0, out = 0, service_ns = 0;
  std::uint64_t done(std::uint64_t submit_ns, const DeviceTask& t) {
    const std::uint64_t run_ns = m.any.start_ns + 100 * std::uint64_t{t.count};
    const std::uint64_t in_bytes = t.in.total_bytes() + (m.in_place ? t.read_bytes : 0);
    service_ns = in_bytes + run_ns + t.out.total_bytes();
    in = std::max(in, submit_ns + m.launch_ns) + in_bytes;
    engine = std::max(engine, in) + run_ns;
    return out = std::max(out, engine) + t.out.total_bytes();
  }
};

TEST_F(Modelled, TasksComeBackWhenTheModelSaysInOrderWithTheKernelsResults) {
  for (const bool in_place : {false, true}) {
    DeviceModel m = card();
    m.in_place = in_place;
    Opened o(m, 6);
    ASSERT_EQ(o.queue->in_place(), in_place);
    Expected expected{m};
    std::deque<std::pair<std::unique_ptr<Work>, std::uint64_t>> flying;
    unsigned submitted = 0;
    for (unsigned polled = 0; polled < 60;) {
      while (submitted < 60 && flying.size() < 6) {
        virtual_ns += random() % 40'000;
        if (!flying.empty()) virtual_ns = std::min(virtual_ns.load(), flying.front().second - 1);
        auto w = std::make_unique<Work>(o.plan, *o.queue, random, static_cast<std::uint32_t>(random()));
        ASSERT_EQ(o.queue->submit(&w->task), DeviceStatus::kOk);
        const std::uint64_t due_ns = expected.done(virtual_ns, w->task);
        flying.emplace_back(std::move(w), due_ns);
        ++submitted;
      }
      auto& [work, due_ns] = flying.front();
      virtual_ns = due_ns - 1;
      ASSERT_EQ(o.queue->poll(), nullptr) << "a nanosecond early";
      virtual_ns = due_ns;
      ASSERT_EQ(poll_until_back(*o.queue), &work->task);
      EXPECT_FALSE(work->task.failed);
      EXPECT_TRUE(work->right());
      flying.pop_front();
      ++polled;
    }
    EXPECT_EQ(o.device->info().tasks, 60u);
    EXPECT_EQ(o.device->info().errors, 0u);
    EXPECT_EQ(o.device->health(), DeviceHealth::kUp);
  }
}

TEST_F(Modelled, ServiceIsTheModelsAndInfoTellsTheFigures) {
  const DeviceModel m = card();
  Opened o(m, 1, make_inline_device({.max_in_flight = 1}));
  EXPECT_FALSE(o.queue->in_place()) << "the wrapped device is, the model is not";
  Work w(o.plan, *o.queue, random);
  Expected expected{m};
  ASSERT_EQ(o.queue->submit(&w.task), DeviceStatus::kOk);
  EXPECT_EQ(o.queue->submit(&w.task), DeviceStatus::kFull);
  EXPECT_EQ(o.queue->in_flight(), 1u);
  const std::uint64_t due_ns = expected.done(virtual_ns, w.task);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the wrapped device is done long before
  ASSERT_TRUE(never_back(*o.queue));
  virtual_ns = due_ns;
  ASSERT_EQ(poll_until_back(*o.queue), &w.task);
  EXPECT_EQ(w.task.service_ns, expected.service_ns);
  EXPECT_TRUE(w.right());
  const DeviceInfo info = o.device->info();
  EXPECT_EQ(info.name, "gpu0");
  EXPECT_EQ(info.kind, "modelled");
  EXPECT_EQ(info.launch_us, 10);
  EXPECT_EQ(info.copy_in_gbps, 8);
  EXPECT_EQ(info.busy_ns, expected.service_ns);
  EXPECT_EQ(info.in_bytes, w.task.in.total_bytes());
  EXPECT_EQ(info.packets, w.task.count);
  EXPECT_NE(info.model.find("a card"), std::string::npos) << info.model;
}

TEST_F(Modelled, SlowTasksTakeTheirFactor) {
  DeviceModel m = card();
  m.failures = {{.kind = FailureKind::kSlow, .after_tasks = 1, .times = 1, .slow_permille = 5000}};
  Opened o(m);
  for (unsigned i = 0; i < 3; ++i) {
    virtual_ns += 100'000'000;  // nothing waits for another
    Work w(o.plan, *o.queue, random);
    Expected expected{m};
    const std::uint64_t submit_ns = virtual_ns;
    ASSERT_EQ(o.queue->submit(&w.task), DeviceStatus::kOk);
    const std::uint64_t took_ns = (expected.done(submit_ns, w.task) - submit_ns) * (i == 1 ? 5 : 1);
    virtual_ns = submit_ns + took_ns - 1;
    ASSERT_EQ(o.queue->poll(), nullptr);
    virtual_ns = submit_ns + took_ns;
    ASSERT_EQ(poll_until_back(*o.queue), &w.task);
    EXPECT_FALSE(w.task.failed);
  }
}

TEST_F(Modelled, LostRefusesTasksAndGivesBackThoseInFlightFailed) {
  DeviceModel m = card();
  m.failures = {{.kind = FailureKind::kLost, .after_tasks = 2, .reopen_fails = 1}};
  const auto script = std::make_shared<FailureScript>();
  {
    Opened o(m, 4, nullptr, script);
    Work a(o.plan, *o.queue, random), b(o.plan, *o.queue, random), c(o.plan, *o.queue, random);
    ASSERT_EQ(o.queue->submit(&a.task), DeviceStatus::kOk);
    ASSERT_EQ(o.queue->submit(&b.task), DeviceStatus::kOk);
    ASSERT_EQ(o.queue->submit(&c.task), DeviceStatus::kGone);
    EXPECT_EQ(o.device->health(), DeviceHealth::kLost);
    EXPECT_NE(o.device->info().error.find("at task 2"), std::string::npos) << o.device->info().error;
    ASSERT_EQ(poll_until_back(*o.queue), &a.task) << "at once, in order";
    ASSERT_EQ(poll_until_back(*o.queue), &b.task);
    EXPECT_TRUE(a.task.failed && b.task.failed);
    EXPECT_EQ(o.device->info().errors, 2u);
    EXPECT_EQ(o.queue->in_flight(), 0u);
  }
  const Opened refused(m, 4, nullptr, script);
  EXPECT_NE(refused.error.find("does not answer"), std::string::npos) << refused.error;
  Opened again(m, 4, nullptr, script);
  ASSERT_EQ(again.error, "");
  EXPECT_EQ(again.device->health(), DeviceHealth::kUp);
  for (unsigned i = 0; i < 10; ++i) {
    Work w(again.plan, *again.queue, random);
    ASSERT_EQ(again.queue->submit(&w.task), DeviceStatus::kOk) << "it is lost once";
    virtual_ns += 1'000'000'000;
    ASSERT_EQ(poll_until_back(*again.queue), &w.task);
    EXPECT_TRUE(w.right());
  }
}

TEST_F(Modelled, AHungTaskAndThoseBehindItNeverComeBack) {
  DeviceModel m = card();
  m.failures = {{.kind = FailureKind::kHang, .after_tasks = 1, .reopen_fails = 1}};
  const auto script = std::make_shared<FailureScript>();
  Opened o(m, 3, nullptr, script);
  Work a(o.plan, *o.queue, random), b(o.plan, *o.queue, random), c(o.plan, *o.queue, random);
  for (Work* w : {&a, &b, &c}) ASSERT_EQ(o.queue->submit(&w->task), DeviceStatus::kOk);
  virtual_ns += 1'000'000'000;
  ASSERT_EQ(poll_until_back(*o.queue), &a.task);
  EXPECT_TRUE(a.right());
  EXPECT_TRUE(never_back(*o.queue));
  EXPECT_EQ(o.queue->in_flight(), 2u);
  EXPECT_EQ(o.device->health(), DeviceHealth::kUp) << "a device that hangs does not say so";
  o.queue->abandon();
  EXPECT_EQ(o.queue->poll(), nullptr);
  EXPECT_EQ(o.queue->submit(&a.task), DeviceStatus::kGone);
  o.queue.reset();
  o.device.reset();
  EXPECT_NE(Opened(m, 3, nullptr, script).error, "");
  EXPECT_EQ(Opened(m, 3, nullptr, script).error, "");
}

TEST_F(Modelled, WrongIsOneResultOfAGoodTask) {
  DeviceModel m = card();
  m.failures = {{.kind = FailureKind::kWrong, .after_tasks = 2, .times = 1}};
  Opened o(m);
  for (unsigned i = 0; i < 5; ++i) {
    Work w(o.plan, *o.queue, random);
    ASSERT_EQ(o.queue->submit(&w.task), DeviceStatus::kOk);
    virtual_ns += 1'000'000'000;
    ASSERT_EQ(poll_until_back(*o.queue), &w.task);
    EXPECT_FALSE(w.task.failed) << "nothing tells";
    EXPECT_EQ(w.right(), i != 2) << i;
  }
}

TEST_F(Modelled, OutOfMemoryFailsTasksAndRefusesMemory) {
  DeviceModel m = card();
  m.failures = {{.kind = FailureKind::kOom, .after_tasks = 1, .times = 2}};
  Opened o(m);
  Work a(o.plan, *o.queue, random), b(o.plan, *o.queue, random);
  ASSERT_EQ(o.queue->submit(&a.task), DeviceStatus::kOk);
  ASSERT_EQ(o.queue->submit(&b.task), DeviceStatus::kOk);
  const auto refused = o.queue->allocate(64);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("no memory for an image of 64 bytes"), std::string::npos) << refused.error().text;
  EXPECT_TRUE(o.queue->allocate(64)) << "it struck twice";
  virtual_ns += 1'000'000'000;
  ASSERT_EQ(poll_until_back(*o.queue), &a.task);
  ASSERT_EQ(poll_until_back(*o.queue), &b.task);
  EXPECT_FALSE(a.task.failed);
  EXPECT_TRUE(b.task.failed);
  EXPECT_EQ(o.device->health(), DeviceHealth::kUp);
  EXPECT_EQ(o.device->info().error, "out of memory");
}

TEST_F(Modelled, MemoryIsAsMuchAsTheModelHas) {
  DeviceModel m = card();
  m.memory_bytes = 100'000;
  Opened o(m);
  EXPECT_TRUE(o.queue->allocate(60'000));
  EXPECT_FALSE(o.queue->allocate(60'000));
  const std::vector<std::uint8_t> bytes(30'000);
  EXPECT_TRUE(o.device->load_table({nullptr, bytes.data(), bytes.size(), 1, 7}));
  EXPECT_FALSE(o.device->load_table({nullptr, bytes.data(), bytes.size(), 2, 7})) << "the old one is still there";
  o.queue.reset();  // and with it its images
  EXPECT_TRUE(o.device->load_table({nullptr, bytes.data(), bytes.size(), 2, 7}));
  auto queue = o.device->open_queue(nullptr, 0);
  ASSERT_TRUE(queue);
  EXPECT_TRUE((*queue)->allocate(70'000));
}

TEST_F(Modelled, ANewTableIsResidentWhenItHasCrossedTheLink) {
  Opened o(card());
  const std::vector<std::uint8_t> bytes(50'000);
  const KernelTable first{nullptr, bytes.data(), bytes.size(), 1, 7}, second{nullptr, bytes.data(), bytes.size(), 2, 7};
  ASSERT_TRUE(o.device->load_table(first));
  EXPECT_TRUE(o.queue->resident(first)) << "load_table waited for it";
  const std::uint64_t asked_ns = virtual_ns;
  EXPECT_FALSE(o.queue->resident(second));
  EXPECT_TRUE(o.queue->resident(first)) << "tasks go on with it";
  virtual_ns = asked_ns + 10'000 + 50'000 - 1;
  EXPECT_FALSE(o.queue->resident(second));
  virtual_ns = asked_ns + 10'000 + 50'000;
  EXPECT_TRUE(o.queue->resident(second));
}

TEST_F(Modelled, ACompilerThatRefuses) {
  DeviceModel m = card();
  m.failures = {{.kind = FailureKind::kCompile, .times = 1, .kernel = "turn"}};
  ModelledConfig config;
  config.model = m;
  auto device = open_modelled(config, nullptr);
  ASSERT_TRUE(device);
  const auto refused = (*device)->add_kernel(kTurn);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("turn: does not compile"), std::string::npos) << refused.error().text;
  EXPECT_TRUE((*device)->add_kernel(kTurn));
}

TEST_F(Modelled, QueuesOfSeveralWorkersShareTheDevice) {
  DeviceModel m = card();
  m.engines = 4;
  ModelledConfig config;
  config.model = m;  // real time
  auto device = open_modelled(config, nullptr);
  ASSERT_TRUE(device);
  constexpr unsigned kWorkers = 3, kTasks = 40;
  std::atomic<unsigned> right{0};
  std::vector<std::thread> workers;
  for (unsigned w = 0; w < kWorkers; ++w)
    workers.emplace_back([&, w] {
      std::mt19937_64 own(seed + w);
      auto queue = (*device)->open_queue(nullptr, 0);
      const ChainLink link{&kTurn};
      const ImagePlan plan({&link, 1}, (*queue)->in_place(), {.items = kBatchSize, .read_bytes = 1 << 17});
      for (unsigned i = 0; i < kTasks; ++i) {
        Work work(plan, **queue, own);
        const std::uint64_t start_ns = now_ns();
        if ((*queue)->submit(&work.task) != DeviceStatus::kOk || poll_until_back(**queue) != &work.task) return;
        const bool in_time = now_ns() - start_ns >= m.launch_ns + work.task.service_ns;
        right += in_time && work.right();
      }
    });
  for (std::thread& t : workers) t.join();
  EXPECT_EQ(right, kWorkers * kTasks);
  EXPECT_EQ((*device)->info().tasks, kWorkers * kTasks);
}

TEST_F(Modelled, AQueueOutlivesItsDevice) {
  Opened o(card());
  Work w(o.plan, *o.queue, random);
  ASSERT_EQ(o.queue->submit(&w.task), DeviceStatus::kOk);
  o.device.reset();
  virtual_ns += 1'000'000'000;
  ASSERT_EQ(poll_until_back(*o.queue), &w.task);
  EXPECT_TRUE(w.right());
  EXPECT_EQ(o.queue->submit(&w.task), DeviceStatus::kGone);
}

}  // namespace
}  // namespace fulcrum
