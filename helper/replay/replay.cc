// SPDX-License-Identifier: MIT
// replay.cc - capture files through a pipeline: opens everything, merges inputs by time.
#include "replay/replay.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>

#include "base/clock.h"
#include "device/backends.h"
#include "replay/engine.h"
#include "replay/questions.h"

namespace fulcrum {
namespace {

std::uint64_t sum_of(const std::map<std::string, std::uint64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                         [](std::uint64_t n, const auto& c) { return n + c.second; });
}

// What --in can name: a FromCapture has its file already.
std::vector<const SourcePort*> open_sources(const Graph& graph) {
  std::vector<const SourcePort*> sources;
  for (const SourcePort& s : graph.sources())
    if (s.capture.empty()) sources.push_back(&s);
  return sources;
}

std::string names_of(const std::vector<const SourcePort*>& sources) {
  std::string names;
  for (const SourcePort* s : sources) names += (names.empty() ? "" : ", ") + s->name;
  return names;
}

// One capture with its next packet.
struct Input {
  std::unique_ptr<CaptureReader> reader;
  std::uint16_t port = kNoPort;
  CapturedPacket head;
  bool ended = false;
};

// "FILE" or "NAME=FILE"; a file name may hold '=' itself.
Result<std::pair<const SourcePort*, std::string>> resolve_input(const std::string& word,
                                                                const std::vector<const SourcePort*>& sources) {
  const std::size_t equals = word.find('=');
  if (sources.empty())
    return Error{"--in " + word + ": the pipeline has no FromPort, it reads its own captures: leave --in out"};
  if (equals != std::string::npos) {
    for (const SourcePort* s : sources)
      if (s->name == word.substr(0, equals)) return std::pair(s, word.substr(equals + 1));
    if (!std::filesystem::exists(word))
      return Error{"--in " + word + ": the pipeline has no FromPort(" + word.substr(0, equals) +
                   "): choose one of: " + names_of(sources)};
  }
  if (sources.size() > 1)
    return Error{"--in " + word +
                 ": the pipeline has several FromPorts: write --in NAME=FILE with one of: " + names_of(sources)};
  return std::pair(sources[0], word);
}

Result<void> step(Input& input) {
  Result<bool> got = input.reader->next(input.head);
  if (!got) return got.error();
  input.ended = !*got;
  return {};
}

Result<void> open_input(const std::string& file, std::uint16_t port, std::vector<Input>& inputs) {
  auto reader = CaptureReader::open(file);
  if (!reader) return reader.error();
  inputs.push_back({std::move(*reader), port, {}, false});
  return {};
}

Result<std::vector<Input>> open_inputs(const ReplayOptions& options, const Graph& graph) {
  std::vector<Input> inputs;
  const std::vector<const SourcePort*> sources = open_sources(graph);
  for (const std::string& word : options.in) {
    auto place = resolve_input(word, sources);
    if (!place) return place.error();
    if (auto ok = open_input(place->second, place->first->port, inputs); !ok) return ok.error();
  }
  for (const SourcePort& s : graph.sources()) {
    if (s.capture.empty()) continue;
    if (auto ok = open_input(s.capture, s.port, inputs); !ok) return ok.error();
  }
  if (inputs.empty()) return Error{"run: no packets: give --in FILE, or a pipeline with FromCapture(FILE)"};
  return inputs;
}

// Earliest first; the order inside a file stays, whatever its times say.
Result<void> feed_all(std::vector<Input>& inputs, ReplayEngine& engine) {
  for (Input& i : inputs)
    if (Result<void> got = step(i); !got) return got;
  for (;;) {
    Input* next = nullptr;
    for (Input& i : inputs)
      if (!i.ended && (!next || i.head.time_ns < next->head.time_ns)) next = &i;
    if (!next) break;
    engine.feed(next->head, next->port);
    if (Result<void> got = step(*next); !got) return got;
  }
  engine.drain();
  return {};
}

struct Tier {
  ReplayEngine::Split split = ReplayEngine::Split::kCpu;
  DeviceSpec device;
};

Result<Tier> parse_tier(const std::string& word) {
  if (word == "cpu") return Tier{};
  if (word == "auto") return Tier{ReplayEngine::Split::kBuckets, {.name = device_kinds().front()}};
  if (word.starts_with("device:")) {
    auto device = parse_device(std::string_view(word).substr(7));
    if (!device) return Error{"--tier " + word + ": " + device.error().text};
    return Tier{ReplayEngine::Split::kDevice, std::move(*device)};
  }
  std::string devices;
  for (const std::string& d : device_words()) devices += ", device:" + d;
  return Error{"--tier " + word + ": unknown: choose one of: cpu, auto" + devices};
}

std::unique_ptr<Graph> build_graph(const std::string& file, OfflineSetup& setup, Diagnostics& diag) {
  Registry registry;
  const Config config = load_config(file, diag);
  if (diag.ok()) registry.require_all(config, diag);
  return diag.ok() ? Graph::build(config, registry, setup, diag) : nullptr;
}

}  // namespace

std::uint64_t ReplayReport::dropped() const { return sum_of(drop_by_reason); }
std::uint64_t ReplayReport::to_kernel() const { return sum_of(kernel_by_reason); }

Result<ReplayReport> replay(const ReplayOptions& options) {
  Result<Tier> tier = parse_tier(options.tier);
  if (!tier) return tier.error();
  // What is made first goes last: the device holds frames, the graph tables.
  OfflineSetup setup(options.pipeline, OfflineSetup::KernelRoutes::kRefused);
  Diagnostics diag;
  std::unique_ptr<Graph> graph = build_graph(options.pipeline, setup, diag);
  if (!graph) return Error{diag.text()};
  auto inputs = open_inputs(options, *graph);
  if (!inputs) return inputs.error();
  auto questions = parse_questions(options.calls, *graph);
  if (!questions) return questions.error();
  std::unique_ptr<Device> device;
  if (tier->split != ReplayEngine::Split::kCpu) {
    auto opened = open_device(tier->device);
    if (!opened) return opened.error();
    device = std::move(*opened);
  }
  const bool nanoseconds =
      std::any_of(inputs->begin(), inputs->end(), [](const Input& i) { return i.reader->nanoseconds(); });
  auto output = ReplayOutput::open(options, setup, nanoseconds);
  if (!output) return output.error();
  auto engine = ReplayEngine::open(*graph, setup, **output, tier->split, device.get(), tier->device.name);
  if (!engine) return engine.error();

  const std::uint64_t begin_ns = now_ns();
  if (Result<void> fed = feed_all(*inputs, **engine); !fed) return fed.error();
  ReplayReport& report = (*output)->report();
  report.elapsed_ns = now_ns() - begin_ns;
  if (const AggregateStats* stats = (*engine)->device_stats()) {
    report.device_tasks = stats->tasks.value();
    report.device_packets = stats->packets.value();
    report.fallback_packets = stats->fallback_packets.value();
  }
  if (Result<void> asked = ask(*questions, *graph, report); !asked) return asked.error();
  if (Result<void> done = (*output)->commit(); !done) return done.error();
  return report;
}

}  // namespace fulcrum
