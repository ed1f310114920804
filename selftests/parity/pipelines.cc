// SPDX-License-Identifier: MIT
// pipelines.cc - elements by process() against the same pipeline by tasks, on the cpu and on each device.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "base/clock.h"
#include "device/aggregate.h"
#include "device/backends.h"
#include "parity.h"
#include "pipeline/graph.h"
#include "pipeline/offline_setup.h"

extern "C" const fulcrum::PluginInfo fulcrum_plugin_route, fulcrum_plugin_ids;

namespace fulcrum::parity {
namespace {

constexpr const char* kRoutes =
    "0.0.0.0/1 via 192.0.2.1 dev y lladdr 02:00:00:00:00:01\n128.0.0.0/2 via 192.0.2.2 dev x lladdr "
    "02:00:00:00:00:02\n10.0.0.0/8 via 192.0.2.3 dev x lladdr 02:00:00:00:00:03\n2000::/3 via fe80::1 dev y lladdr "
    "02:00:00:00:00:04\n2100::/9 via fe80::2 dev x lladdr 02:00:00:00:00:05\n";

// A row an element with a device form, and chains of them.
constexpr const char* kPipelines[] = {
    "FromPort(x) -> l :: IPLookup(FIB routes.txt) -> DecIPTTL -> DecIP6HLIM -> ToPort; l[1] -> Discard(none);",
    "FromPort(x) -> m :: PayloadMatch(PATTERNS \"abc\", \"hg\", \"\\x00\\x01\") -> ToPort(y); m[1] -> ToKernel;",
    "FromPort(x) -> m :: PayloadMatch(PATTERNS \"ab\", \"cd\", \"a\", MATCHES all) -> ToPort(y); m[1] -> ToPort(x);",
    "FromPort(x) -> m :: RegexMatch(PATTERNS '/ab+c/', '/^g.{2,9}h/s') -> ToPort(y); m[1] -> ToKernel;",
    "FromPort(x) -> m :: PayloadMatch(PATTERNS \"abc\", \"\\x00\") -> l :: IPLookup(FIB routes.txt) -> DecIPTTL -> "
    "DecIP6HLIM -> ToPort; m[1] -> ToKernel; l[1] -> Discard(none);",
};

// Counters of what only tasks bring: packets whose matches did not fit their columns.
constexpr std::string_view kOfTasks[] = {"searched_again"};

struct Pipeline {
  Pipeline(const std::string& text, const std::string& folder)
      : setup(folder + "/parity.click", OfflineSetup::KernelRoutes::kEmpty) {
    for (const char* port : {"x", "y"}) static_cast<void>(static_cast<bool>(setup.port(port)));
    for (const PluginInfo* plugin : {&fulcrum_plugin_route, &fulcrum_plugin_ids})
      static_cast<void>(static_cast<bool>(registry.add(*plugin)));
    const Config config = parse_config("parity.click", text, diag);
    if (diag.ok()) registry.require_all(config, diag);
    if (diag.ok()) graph = Graph::build(config, registry, setup, diag);
  }
  OfflineSetup setup;
  Registry registry;
  Diagnostics diag;
  std::unique_ptr<Graph> graph;
};

// One batch through the pipeline, each stop of it a task of its own. False: it did not come back.
bool by_tasks(Graph& graph, TaskAggregator& tasks, Batch& b) {
  Walk walk;
  if (!graph.start(walk, b)) return false;
  std::uint64_t turns = 0;
  while (graph.advance(walk, b, true) == Step::kOffload) {
    if (!tasks.add(&b, &walk, graph.offload_mask(walk), graph.chain_at(walk), now_ns())) return false;
    TaskAggregator::Ready r;
    for (tasks.flush(); !tasks.take(r); tasks.poll(now_ns()))
      if (++turns > 100'000'000) return false;
    graph.resume(*r.walk, *r.batch, r.results);
  }
  return true;
}

// What differs between the two, or empty.
std::string difference(const Batch& a, const Batch& b) {
  for (unsigned i = 0; i < a.count; ++i) {
    const std::string packet = "packet " + std::to_string(i) + ": ";
    if (a.verdict[i] != b.verdict[i] || a.reason[i] != b.reason[i]) return packet + "verdict";
    if (a.out_port[i] != b.out_port[i] || a.l2_bits(i) != b.l2_bits(i)) return packet + "port";
    if (a.l2_bits(i) && std::memcmp(&a.l2[i], &b.l2[i], 12) != 0) return packet + "addresses";
    if (a.alert[i] != b.alert[i]) return packet + "alert";
    if (a.len[i] != b.len[i] || std::memcmp(a.data[i], b.data[i], a.len[i]) != 0) return packet + "bytes";
  }
  return "";
}

// The counter that differs, or empty.
std::string counter_difference(const Graph& a, const Graph& b) {
  const auto x = a.stats(), y = b.stats();
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (x[k].packets_in != y[k].packets_in) return x[k].name + " packets";
    for (std::size_t n = 0; n < x[k].counters.size(); ++n) {
      const CounterValue &p = x[k].counters[n], &q = y[k].counters[n];
      if (std::find(std::begin(kOfTasks), std::end(kOfTasks), std::string_view(p.name)) == std::end(kOfTasks) &&
          p.value != q.value)
        return x[k].name + " " + p.name + " " + std::to_string(p.value) + " and " + std::to_string(q.value);
    }
  }
  return "";
}

// word: of a device, or empty: tasks run on the cpu.
std::string check(Context& c, const std::string& text, const std::string& folder, const std::string& word,
                  std::uint64_t& packets, std::string& missing) {
  Pipeline one(text, folder), two(text, folder);
  if (!one.graph || !two.graph) return one.diag.text();
  const AggregateLimits limits{.max_packets = 1, .timeout_ns = 20'000'000'000};
  std::unique_ptr<Device> device;
  std::unique_ptr<DeviceLane> lane;
  if (!word.empty()) {
    const auto spec = parse_device(word);
    if (!spec) return spec.error().text;
    auto opened = open_device(*spec);
    if (!opened) return missing = opened.error().text;
    device = std::move(*opened);
    if (auto ok = prepare_device(*device, two.graph->chains(), true); !ok) return missing = ok.error().text;
    auto got = DeviceLane::open(*device, two.graph->chains(), c.frames.base(), c.frames.bytes(), lane_limits(limits));
    if (!got) return got.error().text;
    lane = std::move(*got);
  }
  TaskAggregator tasks(two.graph->chains(), std::move(lane), c.frames.base(), limits);
  for (unsigned round = 0; round < 20 * c.options.rounds; ++round) {
    Batch &a = c.frames.batch(0), &b = c.frames.batch(1);
    a.count = b.count = 0;
    for (unsigned n = 1 + c.random() % kBatchSize; n > 0; --n) {
      const Bytes frame = make_frame(c, c.rows[c.random() % c.rows.size()], round % 2 ? 200 : kMaxFrame);
      c.frames.put(0, frame, c.random() % 32);
      c.frames.put(1, frame, c.random() % 32);
    }
    packets += a.count;
    Walk walk;
    if (!one.graph->start(walk, a) || one.graph->advance(walk, a, false) != Step::kDone) return "did not run";
    if (!by_tasks(*two.graph, tasks, b)) return "a batch does not come back";
    if (std::string d = difference(a, b); !d.empty()) return "batch " + std::to_string(round) + " " + d;
  }
  if (tasks.stats().tasks.value() == 0) return "no task was made";
  if (!word.empty() && tasks.state() != LaneState::kUp) return std::string("device ") + to_string(tasks.state());
  return counter_difference(*one.graph, *two.graph);
}

const Part kPart([](Context& c) {
  char folder[] = "/tmp/fulcrum_parity_XXXXXX";
  if (!mkdtemp(folder)) return c.result(false, "no folder for routes.txt");
  const std::string routes = std::string(folder) + "/routes.txt";
  std::ofstream(routes) << kRoutes;
  std::vector<std::string> words = c.options.devices;
  if (words.empty()) words = known_devices();
  words.insert(words.begin(), "");
  for (const char* text : kPipelines)
    for (const std::string& word : words) {
      std::uint64_t packets = 0;
      std::string missing;
      const std::string what = std::string(text).substr(17, 40) + "..., " + (word.empty() ? "tasks on the cpu" : word);
      const std::string wrong = check(c, text, folder, word, packets, missing);
      if (!missing.empty())
        c.skip(what, missing);
      else
        c.result(wrong.empty(), what + ": " + (wrong.empty() ? std::to_string(packets) + " packets" : wrong));
    }
  std::remove(routes.c_str());
  rmdir(folder);
});

}  // namespace
}  // namespace fulcrum::parity
