// SPDX-License-Identifier: MIT
// share.cc - one core alone, then the core with a device beside it -> what the device adds.
#include "bench/share.h"

#include "bench/pinned.h"
#include "device/manycore.h"

namespace fulcrum {
namespace {

constexpr unsigned kRounds = 5;
constexpr double kGoal = 1.8;
using Way = WorkerLoop::Way;

// Every packet gets the answer that the core alone gave it.
class Answers {
 public:
  explicit Answers(unsigned packets) : of_(packets) {}
  // First time round: remembered.
  std::string note(const Batch& b) {
    for (unsigned i = 0; i < b.count; ++i) of_[b.frame[i]] = answer(b, i);
    return {};
  }
  std::string compare(const Batch& b) const {
    for (unsigned i = 0; i < b.count; ++i)
      if (of_[b.frame[i]] != answer(b, i))
        return "packet " + std::to_string(b.pos[i]) + " has another answer from tier " + std::to_string(b.tier);
    return {};
  }

 private:
  static std::uint64_t answer(const Batch& b, unsigned i) {
    return std::uint64_t{b.alert[i]} << 32 | std::uint64_t{b.out_port[i]} << 8 |
           static_cast<std::uint64_t>(b.verdict[i]);
  }
  std::vector<std::uint64_t> of_;
};

struct Rounds {
  std::vector<double> alone, both, device, ratio, permille;
  double two_cores = 0;
};

// The cpu form on both cores at once: what this machine gives at most when its cores share caches and units.
double two_cores_mpps(const ShareCase& c, const std::vector<int>& cpus, std::uint64_t for_ns) {
  double sum[2] = {};
  const auto run = [&](int cpu, double& mpps) {
    auto traffic = Traffic::make(c.traffic);
    if (!traffic) return;
    auto loop = WorkerLoop::open(c.pipeline, *traffic, nullptr, {});
    if (!loop) return;
    (*loop)->run_batches(Way::kCore, c.traffic.frames / kBatchSize);
    if (auto ok = run_pinned(cpu, [&] { mpps = (*loop)->run(Way::kCore, for_ns).mpps(); }); !ok) mpps = 0;
  };
  std::thread other(run, cpus[1], std::ref(sum[1]));
  run(cpus[0], sum[0]);
  other.join();
  return sum[0] && sum[1] ? sum[0] + sum[1] : 0;
}

// The share with which core and device together do most, as a balancer would find it.
void choose_share(WorkerLoop& loop, std::uint64_t for_ns) {
  unsigned best = 0;
  double most_mpps = 0;
  for (unsigned permille = 100; permille <= 1000; permille += 100) {
    loop.set_share(permille);
    const double mpps = loop.run(Way::kBoth, for_ns).mpps();
    if (mpps > most_mpps) best = permille, most_mpps = mpps;
  }
  loop.set_share(best);
}

std::string run_rounds(WorkerLoop& loop, const ShareCase& c, double seconds, Rounds& rounds) {
  Answers answers(c.traffic.frames);
  loop.check = [&](const Batch& b) { return answers.note(b); };
  loop.run_batches(Way::kCore, c.traffic.frames / kBatchSize);
  auto own = c.make_check ? c.make_check() : nullptr;
  loop.check = [&](const Batch& b) {
    std::string wrong = answers.compare(b);
    return wrong.empty() && own ? own(b) : wrong;
  };
  // Untimed, as it looks into frames that have gone cold; when timed only the order is checked.
  for (const Way way : {Way::kDevice, Way::kBoth}) loop.run_batches(way, 2 * c.traffic.frames / kBatchSize);
  loop.check = nullptr;
  const auto slice_ns = static_cast<std::uint64_t>(seconds * 1e9 / (3 * kRounds));
  choose_share(loop, slice_ns / 2);
  for (unsigned i = 0; i < kRounds && loop.wrong().empty(); ++i) {
    const LoopResult alone = loop.run(Way::kCore, slice_ns);
    const LoopResult both = loop.run(Way::kBoth, slice_ns);
    const LoopResult device = loop.run(Way::kDevice, slice_ns);
    rounds.alone.push_back(alone.mpps());
    rounds.both.push_back(both.mpps());
    rounds.device.push_back(device.mpps());
    rounds.ratio.push_back(both.mpps() / alone.mpps());
    rounds.permille.push_back(1000.0 * static_cast<double>(both.device_packets) / static_cast<double>(both.packets));
  }
  if (loop.wrong().empty() && loop.lane_state() != LaneState::kUp)
    return std::string("the device ") + to_string(loop.lane_state());
  return loop.wrong();
}

}  // namespace

void measure_share(const ShareCase& c, double seconds, Findings& found) {
  const std::vector<int> cpus = allowed_cpus();
  const auto skip = [&](const std::string& why) { found.skipped.push_back({c.name, why}); };
  if (cpus.size() < 2) return skip("needs two CPUs");
  auto traffic = Traffic::make(c.traffic);
  if (!traffic) return skip(traffic.error().text);
  auto device = ManycoreDevice::open({.threads = 1, .cpus = {cpus[1]}});
  if (!device) return skip(device.error().text);
  auto loop = WorkerLoop::open(c.pipeline, *traffic, device->get(), {.deadline_ns = 1'000'000});
  if (!loop) return skip(loop.error().text);
  Rounds rounds;
  std::string wrong;
  auto pinned = run_pinned(cpus[0], [&] { wrong = run_rounds(**loop, c, seconds, rounds); });
  if (!pinned) return skip(pinned.error().text);
  if (!wrong.empty()) found.wrong.push_back(c.name + ": " + wrong);
  if (rounds.both.empty()) return;
  rounds.two_cores = two_cores_mpps(c, cpus, static_cast<std::uint64_t>(seconds * 1e9 / 3));
  const auto best = [](const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); };
  found.figures.push_back({.name = c.name + "/core and manycore",
                           .unit = "Mpps",
                           .value = median(rounds.both),
                           .best = best(rounds.both),
                           .reference = median(rounds.alone),
                           .reference_of = "the core alone",
                           .ratio = median(rounds.ratio),
                           .goal = Goal::kRatioAtLeast,
                           .goal_value = kGoal,
                           .note = std::to_string(static_cast<int>(median(rounds.permille))) +
                                   " permille on the device; answers checked before, order throughout"});
  found.figures.push_back({.name = c.name + "/manycore only",
                           .unit = "Mpps",
                           .value = median(rounds.device),
                           .best = best(rounds.device),
                           .reference = median(rounds.alone),
                           .reference_of = "the core alone",
                           .ratio = median(rounds.device) / median(rounds.alone),
                           .note = "the worker only fills tasks"});
  found.figures.push_back({.name = c.name + "/both cores, cpu form",
                           .unit = "Mpps",
                           .value = rounds.two_cores,
                           .best = rounds.two_cores,
                           .reference = median(rounds.alone),
                           .reference_of = "the core alone",
                           .ratio = rounds.two_cores / median(rounds.alone),
                           .note = "two workers without a device: what the machine gives"});
}

}  // namespace fulcrum
