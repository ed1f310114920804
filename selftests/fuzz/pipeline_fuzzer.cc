// SPDX-License-Identifier: MIT
// pipeline_fuzzer.cc - any bytes -> parse, take apart, build, run packets: whatever they are, an answer.
#include <cstdlib>
#include <set>

#include "pipeline/testing.h"

namespace fulcrum {
namespace {

// What does not hold is a finding.
void hold(bool what, const char* text) {
  if (what) return;
  std::fprintf(stderr, "does not hold: %s\n", text);
  std::abort();
}

void check_config(const Config& config) {
  std::set<std::string> names;
  for (const Declaration& d : config.declarations) {
    hold(names.insert(d.name).second, "names of elements differ");
    hold(d.within == kNotWithin || d.within < config.compounds.size(), "an element's compound is there");
  }
  for (const Connection& c : config.connections)
    hold(c.from < config.declarations.size() && c.to < config.declarations.size(), "connections have ends");
}

void check_messages(const Diagnostics& diag) {
  hold(diag.text().size() < 400 * 20000, "messages are bounded");
  for (const char c : diag.text())
    hold(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t', "a message has no control characters");
}

// Every packet gets a verdict, and its element tells nothing else.
void run_packets(testing::TestPipeline& p) {
  for (const SourcePort& source : p.graph->sources()) {
    testing::TestBatch batch({testing::udp4(), testing::udp6(), testing::Bytes(60, 0xff)}, source.port);
    hold(p.run(batch.batch), "a batch runs to its end");
  }
  const Graph* workers[] = {p.graph.get()};
  hold(Graph::dot(workers).ends_with("}\n"), "the graph can be drawn");
  for (const SourcePort& source : p.graph->sources()) {
    Graph::InlinePlan plan;
    static_cast<void>(p.graph->inline_refusal(source, plan));
  }
}

void check(const std::string& text) {
  Diagnostics diag;
  const Config config = parse_config("fuzz.click", text, diag);
  check_config(config);
  check_messages(diag);
  if (!config.required.empty()) return;  // a plugin is a file
  testing::TestPipeline p(text);
  check_messages(p.diag);
  hold(!p.graph == !p.diag.ok(), "there is a graph or an error");
  if (p.graph) run_packets(p);
}

}  // namespace
}  // namespace fulcrum

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fulcrum::check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
