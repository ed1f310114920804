// SPDX-License-Identifier: MIT
// framework.cc - batches around a kernel that does nothing -> what a packet costs the worker beside its kernel.
#include "bench/framework.h"

#include <array>
#include <memory>

#include "bench/pinned.h"
#include "bench/rounds.h"
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

Result<double> run_rounds(double seconds, const std::vector<int>& cpus, std::vector<double>& ns_per_packet) {
  auto traffic = Traffic::make({.packet_bytes = 64, .frames = kFrames});
  if (!traffic) return traffic.error();
  Batches batches = receive_all(*traffic);
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
