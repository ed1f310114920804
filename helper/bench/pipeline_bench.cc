// SPDX-License-Identifier: MIT
// pipeline_bench.cc - what elements and the way between them cost on this machine -> figures.
#include "bench/pipeline_bench.h"

#include "base/cpu.h"
#include "bench/pinned.h"
#include "bench/pipeline_loop.h"

namespace fulcrum {
namespace {

constexpr unsigned kTurns = 31;     // of each figure, in turns with the empty pipeline
constexpr unsigned kFrames = 1024;  // stay in the cache: what is measured is the way, not memory
constexpr unsigned kPacketBytes = 512;
constexpr unsigned kSinglesPerRound = 400;

struct Case {
  const char* name;
  const char* middle;  // between FromPort and ToPort, and what else it needs
  double goal_ns;      // 0: none
};

constexpr Case kCases[] = {
    {"no-op", "-> Null -> out;", 4},
    {"branch", "-> s :: HashSwitch(N 2) -> j :: Null -> out; s[1] -> j;", 8},
    {"nine no-ops", "-> Null -> Null -> Null -> Null -> Null -> Null -> Null -> Null -> Null -> out;", 0},
    {"Counter", "-> Counter -> out;", 0},
    {"CheckIPHeader", "-> CheckIPHeader -> out;", 0},
    {"DecIPTTL", "-> DecIPTTL -> out;", 0},
    {"EtherRewrite", "-> EtherRewrite(DST 02:00:00:00:00:01) -> out;", 0},
    {"CheckL4Checksum", "-> CheckL4Checksum -> out;", 0},
    {"SetChecksums", "-> SetChecksums -> out;", 0},
    {"Paint", "-> Paint(1) -> out;", 0},
    {"Classifier", "-> c :: Classifier(12/0806, 12/0800 23/06, -) -> Discard; c[1] -> Discard; c[2] -> out;", 0},
    {"IPClassifier", "-> c :: IPClassifier(\"tcp port 80\", \"udp\") -> Discard; c[1] -> out;", 0},
    {"Policer", "-> Policer(100Mpps) -> out;", 0},
    {"VLANEncap", "-> VLANEncap(7) -> out;", 0},
};

std::string pipeline_of(const char* middle) { return std::string("out :: ToPort(out); FromPort(in) ") + middle; }

// One figure's loop and the empty one's, in turns.
struct Pair {
  PipelineLoop& with;
  PipelineLoop& without;
  std::vector<double> extra, value, reference, ratio;

  void turn(double a, double b) {
    extra.push_back(a - b), value.push_back(a), reference.push_back(b), ratio.push_back(a / b);
  }
};

Figure figure(const std::string& name, const std::string& unit, const Pair& p, double goal, const std::string& note) {
  return {.name = name,
          .unit = unit,
          .value = median(p.extra),
          .best = *std::min_element(p.value.begin(), p.value.end()) -
                  *std::min_element(p.reference.begin(), p.reference.end()),
          .reference = median(p.reference),
          .reference_of = "empty pipeline",
          .ratio = median(p.ratio),
          .goal = goal > 0 ? Goal::kValueAtMost : Goal::kNone,
          .goal_value = goal,
          .note = note};
}

void measure(const Case& c, PipelineLoop& empty, const Traffic& traffic, double seconds, Findings& found) {
  auto loop = PipelineLoop::open(pipeline_of(c.middle), traffic);
  if (!loop) return found.skipped.push_back({c.name, loop.error().text});
  Pair p{**loop, empty, {}, {}, {}, {}};
  const double round_s = kFrames * 400e-9;  // filling included
  const auto rounds = static_cast<unsigned>(std::max(1.0, seconds / (2 * kTurns * round_s)));
  p.with.packet_ns(1);
  for (unsigned t = 0; t < kTurns; ++t) p.turn(p.with.packet_ns(rounds), p.without.packet_ns(rounds));
  found.figures.push_back(figure(c.name, "ns/packet", p, c.goal_ns, "added to the empty pipeline, batches of 64"));
}

// NBA: about 1 us.
void measure_single(PipelineLoop& empty, const Traffic& traffic, double seconds, Findings& found) {
  auto loop = PipelineLoop::open(pipeline_of(kCases[2].middle), traffic);
  if (!loop) return found.skipped.push_back({"nine no-ops, one packet", loop.error().text});
  Pair p{**loop, empty, {}, {}, {}, {}};
  const auto rounds = std::max(kSinglesPerRound, static_cast<unsigned>(seconds * 1e9 / (2 * kTurns * 60)));
  for (unsigned t = 0; t < kTurns; ++t) p.turn(p.with.single_ns(rounds), p.without.single_ns(rounds));
  found.figures.push_back(figure("nine no-ops, one packet", "ns", p, 50, "added to the latency of a batch of one"));
}

}  // namespace

Findings pipeline_bench(const PipelineBenchOptions& options) {
  Findings found;
  auto pinned = run_pinned(allowed_cpus()[0], [&] {
    auto traffic = Traffic::make({.packet_bytes = kPacketBytes, .frames = kFrames});
    if (!traffic) return found.skipped.push_back({"all", traffic.error().text});
    auto empty = PipelineLoop::open(pipeline_of("-> out;"), *traffic);
    if (!empty) return found.skipped.push_back({"all", empty.error().text});
    measure_single(**empty, *traffic, options.seconds, found);
    for (const Case& c : kCases) measure(c, **empty, *traffic, options.seconds, found);
  });
  if (!pinned) found.skipped.push_back({"all", pinned.error().text});
  return found;
}

}  // namespace fulcrum
