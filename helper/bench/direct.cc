// SPDX-License-Identifier: MIT
// direct.cc - a kernel through our aggregator and queue, and in a bare loop of OpenCL calls, side by side.
#include "bench/direct.h"

#include "bench/loop.h"
#include "bench/rounds.h"
#include "device/opencl.h"
#include "device/opencl_direct.h"

namespace fulcrum {
namespace {

constexpr unsigned kRounds = 7;
constexpr unsigned kDepth = 4;
constexpr double kGoal = 0.85;

struct Rounds {
  std::vector<double> ours, direct, ratio;
};

// Tasks as the aggregator would fill them, one for each place of the bare loop.
Result<void> fill(OpenclDirect& direct, const ImagePlan& plan, const OffloadChain& chain, const Traffic& traffic,
                  Batches& batches, std::uint32_t packets, std::vector<std::unique_ptr<DeviceTask>>& tasks) {
  std::size_t next = 0;
  for (unsigned i = 0; i < kDepth; ++i) {
    tasks.push_back(std::make_unique<DeviceTask>());
    DeviceTask& task = *tasks.back();
    task.image = direct.image(i);
    if (!task.image.host) return Error{"bench: no memory for tasks: free some"};
    TaskFill filling;
    filling.open(task, plan, traffic.memory());
    task.stage[0].table = chain.stage[0]->table();
    for (; task.count < packets; next = (next + 1) % batches.size()) filling.add(*batches[next], batches[next]->all());
    filling.close();
    if (auto ok = direct.add(i, task); !ok) return ok;
  }
  return {};
}

Result<void> run_rounds(const DirectCase& c, const std::string& which, double seconds, Rounds& rounds) {
  auto traffic = Traffic::make(c.traffic);
  if (!traffic) return traffic.error();
  auto loop = WorkerLoop::open(c.pipeline, *traffic, nullptr, {});  // for its elements
  if (!loop) return loop.error();
  const OffloadChains chains = (*loop)->chains().first(1);
  const AggregateLimits limits;
  auto device = open_opencl({.device = which, .max_in_flight = kDepth});
  if (!device) return device.error();
  if (auto ok = prepare_device(**device, chains, true); !ok) return ok;
  auto lane = DeviceLane::open(**device, chains, traffic->memory(), traffic->memory_bytes(), lane_limits(limits));
  if (!lane) return lane.error();
  if (!(*lane)->queue().in_place()) return Error{"the device copies: the bare loop is for one that reads in place"};
  TaskAggregator tasks(chains, std::move(*lane), traffic->memory(), limits);
  Batches batches = receive_all(*traffic);
  const ImagePlan plan(chains[0].links, true, lane_limits(limits).image);
  auto direct = OpenclDirect::open(which, *chains[0].links[0].kernel, traffic->memory(), traffic->memory_bytes(),
                                   plan.image_bytes(), kDepth);
  if (!direct) return direct.error();
  std::vector<std::unique_ptr<DeviceTask>> filled;
  if (auto ok = fill(**direct, plan, chains[0], *traffic, batches, limits.max_packets, filled); !ok) return ok;
  const auto slice_ns = static_cast<std::uint64_t>(seconds * 1e9 / (2 * (kRounds + 1)));
  for (unsigned i = 0; i <= kRounds; ++i) {
    const Round ours = go_round(tasks, batches, slice_ns);
    auto ran = (*direct)->run(slice_ns);
    if (!ran) return ran.error();
    if (tasks.gone()) return Error{std::string("the device ") + to_string(tasks.state())};
    if (!i) continue;  // caches are warm from here on
    const Round bare{.packets = ran->tasks * limits.max_packets, .elapsed_ns = ran->elapsed_ns};
    rounds.ours.push_back(ours.mpps());
    rounds.direct.push_back(bare.mpps());
    rounds.ratio.push_back(ours.mpps() / bare.mpps());
  }
  return {};
}

}  // namespace

void measure_direct(const DirectCase& c, const std::string& which, double seconds, Findings& found) {
  Rounds rounds;
  if (auto ok = run_rounds(c, which, seconds, rounds); !ok) return found.skipped.push_back({c.name, ok.error().text});
  found.figures.push_back({.name = c.name,
                           .unit = "Mpps",
                           .value = median(rounds.ours),
                           .best = *std::max_element(rounds.ours.begin(), rounds.ours.end()),
                           .reference = median(rounds.direct),
                           .reference_of = "the kernel in a bare loop of OpenCL calls",
                           .ratio = median(rounds.ratio),
                           .goal = Goal::kRatioAtLeast,
                           .goal_value = kGoal,
                           .note = "tasks of 1024, 4 in flight, packets of " + std::to_string(c.traffic.packet_bytes) +
                                   " bytes; gathering and handing back included, the bare loop runs filled tasks"});
}

}  // namespace fulcrum
