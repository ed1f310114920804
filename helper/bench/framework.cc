// SPDX-License-Identifier: MIT
// framework.cc - batches around a kernel that does nothing -> what a packet costs the worker beside its kernel.
#include "bench/framework.h"

#include <array>
#include <memory>

#include "base/clock.h"
#include "bench/pinned.h"
#include "bench/traffic.h"
#include "device/aggregate.h"
#include "device/manycore.h"

namespace fulcrum {
namespace {

constexpr unsigned kRounds = 9;
constexpr double kGoal_ns = 25;
constexpr unsigned kFrames = 8192;  // as many as a queue has by default

void do_nothing(const fu_task&, fu_u32, fu_u32) noexcept {}

constexpr KernelDecl kNothing{
    .name = "nothing", .read = {PacketRange::kL3Header, 40}, .cpu = {do_nothing, do_nothing, do_nothing, do_nothing}};

class NothingOffload final : public Offload {
 public:
  const KernelDecl& kernel() const noexcept override { return kNothing; }
  KernelTable table() noexcept override { return {}; }
  void finish(Batch&, Mask, const ItemResults&, Mask*) noexcept override {}
};

struct Round {
  std::uint64_t packets = 0;
  std::uint64_t cpu_ns = 0;  // without waits
};

unsigned take_all(TaskAggregator& tasks, Round& r) {
  unsigned taken = 0;
  for (TaskAggregator::Ready ready; tasks.take(ready); ++taken) r.packets += ready.batch->count;
  return taken;
}

// With all batches at the device. Returns the CPU time until it has done something.
std::uint64_t wait_for_device(TaskAggregator& tasks) {
  const std::uint64_t start_ns = thread_cpu_ns();
  while (!tasks.poll(now_ns())) {
  }
  return thread_cpu_ns() - start_ns;
}

// Each batch goes round: in, through a task, out, in again.
Round go_round(TaskAggregator& tasks, std::vector<std::unique_ptr<Batch>>& batches, std::uint64_t for_ns) {
  Round r;
  std::size_t next = 0;
  std::uint64_t waited_ns = 0;
  const std::uint64_t start_ns = thread_cpu_ns();
  for (unsigned turn = 1;; ++turn) {
    const std::uint64_t now = now_ns();
    Batch* b = batches[next].get();
    const bool added = tasks.held_batches() < batches.size() && tasks.add(b, nullptr, b->all(), 0, now);
    if (added) next = next + 1 == batches.size() ? 0 : next + 1;
    const bool moved = tasks.poll(now);
    if (!(take_all(tasks, r) || added || moved)) waited_ns += wait_for_device(tasks);
    if (turn % 1024 == 0 && thread_cpu_ns() - start_ns > for_ns) break;
  }
  r.cpu_ns = thread_cpu_ns() - start_ns - waited_ns;
  tasks.flush();
  for (Round rest; !tasks.idle(); take_all(tasks, rest)) tasks.poll(now_ns());
  return r;
}

Result<double> run_rounds(double seconds, const std::vector<int>& cpus, std::vector<double>& ns_per_packet) {
  auto traffic = Traffic::make({.packet_bytes = 64, .frames = kFrames});
  if (!traffic) return traffic.error();
  std::vector<std::unique_ptr<Batch>> batches;
  for (unsigned n = 0; n < traffic->batches(); ++n) {
    batches.push_back(std::make_unique<Batch>());
    traffic->receive(*batches.back(), n, n * kBatchSize);
  }
  auto device = ManycoreDevice::open({.threads = 1, .cpus = {cpus[1]}});
  if (!device) return device.error();
  NothingOffload nothing;
  const std::array<OffloadChain, 1> chains{OffloadChain{{&nothing}, {{&kNothing, Condition::kAlways}}}};
  const AggregateLimits limits{.max_packets = 1024};
  auto lane = DeviceLane::open(**device, chains, traffic->memory(), traffic->memory_bytes(), lane_limits(limits));
  if (!lane) return lane.error();
  TaskAggregator tasks(chains, std::move(*lane), traffic->memory(), limits);
  const auto round_ns = static_cast<std::uint64_t>(seconds * 1e9 / (kRounds + 1));
  for (unsigned i = 0; i <= kRounds; ++i) {
    const Round r = go_round(tasks, batches, round_ns);
    if (i) ns_per_packet.push_back(static_cast<double>(r.cpu_ns) / static_cast<double>(r.packets));
  }
  return static_cast<double>(tasks.stats().packets.value()) / static_cast<double>(tasks.stats().tasks.value());
}

}  // namespace

void measure_framework(double seconds, Findings& found) {
  const std::string name = "framework";
  const std::vector<int> cpus = allowed_cpus();
  if (cpus.size() < 2) return found.skipped.push_back({name, "needs two CPUs"});
  std::vector<double> ns;
  Result<double> packets = 0.0;
  auto pinned = run_pinned(cpus[0], [&] { packets = run_rounds(seconds, cpus, ns); });
  if (!pinned) return found.skipped.push_back({name, pinned.error().text});
  if (!packets) return found.skipped.push_back({name, packets.error().text});
  found.figures.push_back({.name = name,
                           .unit = "ns/packet",
                           .value = median(ns),
                           .best = *std::min_element(ns.begin(), ns.end()),
                           .goal = Goal::kValueAtMost,
                           .goal_value = kGoal_ns,
                           .note = "CPU time of the worker around an empty kernel on manycore, without waits; " +
                                   std::to_string(static_cast<int>(*packets)) + " packets a task, 40-byte ranges"});
}

}  // namespace fulcrum
