// SPDX-License-Identifier: MIT
// pipeline_check.cc - `fulcrum pipeline check`: all errors of a configuration.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "commands.h"
#include "pipeline/graph.h"
#include "pipeline/offline_setup.h"

namespace fulcrum::cli {
namespace {

struct CheckArguments {
  std::string file;
  bool json = false;
};

// What stands in the way of the inline tier, per FromPort.
boost::json::array sources_of(const Graph& graph) {
  boost::json::array sources;
  for (const SourcePort& s : graph.sources()) {
    Graph::InlinePlan plan;
    sources.push_back({{"port", s.name}, {"inline_refusal", graph.inline_refusal(s, plan)}});
  }
  return sources;
}

std::string json_text(const std::string& file, const Diagnostics& diag, const Graph* graph) {
  boost::json::array errors;
  for (const Diagnostic& d : diag.sorted())
    errors.push_back({{"line", d.pos.line},
                      {"column", d.pos.column},
                      {"error", d.text},
                      {"valid", boost::json::value_from(d.choices)}});
  boost::json::object o{{"file", file}, {"ok", diag.ok()}, {"errors", std::move(errors)}};
  if (graph) {
    o["elements"] = graph->stats().size();
    o["sources"] = sources_of(*graph);
  }
  return boost::json::serialize(o) + "\n";
}

std::string words(const std::string& file, const Graph& graph) {
  std::string out = file + ": good, " + std::to_string(graph.stats().size()) + " elements\n";
  for (const SourcePort& s : graph.sources()) {
    Graph::InlinePlan plan;
    const std::string refusal = graph.inline_refusal(s, plan);
    out += "  from " + s.name + ": cpu" + (graph.chains().empty() == false ? ", device" : "") +
           (refusal.empty() ? ", inline" : "; not inline: " + refusal) + "\n";
  }
  return out;
}

int check(const CheckArguments& arguments) {
  OfflineSetup setup(arguments.file, OfflineSetup::KernelRoutes::kEmpty);
  Diagnostics diag;
  Registry registry;
  const Config config = load_config(arguments.file, diag);
  if (diag.ok()) registry.require_all(config, diag);
  std::unique_ptr<Graph> graph;
  if (diag.ok()) graph = Graph::build(config, registry, setup, diag);
  if (arguments.json)
    std::fputs(json_text(arguments.file, diag, graph.get()).c_str(), stdout);
  else if (graph)
    std::fputs(words(arguments.file, *graph).c_str(), stdout);
  std::fputs(diag.text().c_str(), stderr);
  return graph ? 0 : 1;
}

}  // namespace

void add_pipeline_check(CLI::App& pipeline_cmd, int& exit_code) {
  auto arguments = std::make_shared<CheckArguments>();
  CLI::App* cmd = pipeline_cmd.add_subcommand("check", "report every error of a configuration");
  cmd->add_option("file", arguments->file, "configuration of the pipeline")->required();
  cmd->add_flag("--json", arguments->json, "result as JSON");
  cmd->callback([arguments, &exit_code] { exit_code = check(*arguments); });
}

}  // namespace fulcrum::cli
