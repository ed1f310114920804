// SPDX-License-Identifier: MIT
// pipeline_check.cc - `fulcrum pipeline check`: all errors of a configuration.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "commands.h"
#include "pipeline/graph.h"
#include "pipeline/offline_setup.h"
#include "pipeline/source_line.h"

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

boost::json::array json_of(const std::vector<Diagnostic>& all, bool warnings) {
  boost::json::array out;
  for (const Diagnostic& d : all) {
    if (d.is_warning != warnings) continue;
    boost::json::array notes;
    for (const Note& n : d.notes)
      notes.push_back({{"line", n.pos.line}, {"column", n.pos.column}, {"note", printable(n.text)}});
    boost::json::array valid;
    for (const std::string& choice : d.choices) valid.emplace_back(printable(choice));
    out.push_back({{"line", d.pos.line},
                   {"column", d.pos.column},
                   {warnings ? "warning" : "error", printable(d.text)},
                   {"valid", std::move(valid)},
                   {"notes", std::move(notes)}});
  }
  return out;
}

// Flat: compounds taken apart, "outer/inner". In the order of the file.
void add_config(boost::json::object& o, const Config& config) {
  boost::json::array elements, connections;
  for (const Declaration& d : config.declarations) {
    boost::json::array arguments;
    for (const Arg& a : d.args) arguments.emplace_back(printable((a.keyword.empty() ? "" : a.keyword + " ") + a.text));
    elements.push_back({{"name", d.name},
                        {"class", d.class_name},
                        {"arguments", std::move(arguments)},
                        {"line", d.name_pos.line},
                        {"column", d.name_pos.column}});
  }
  for (const Connection& c : config.connections)
    connections.push_back({{"from", config.declarations[c.from].name},
                           {"output", c.output},
                           {"to", config.declarations[c.to].name},
                           {"input", c.input}});
  o["elements"] = std::move(elements);
  o["connections"] = std::move(connections);
}

std::string json_text(const std::string& file, const Diagnostics& diag, const Config& config, const Graph* graph) {
  const std::vector<Diagnostic> all = diag.sorted();
  boost::json::object o{
      {"file", printable(file)}, {"ok", diag.ok()}, {"errors", json_of(all, false)}, {"warnings", json_of(all, true)}};
  if (graph) {
    add_config(o, config);
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
  const bool is_read = !config.file_name.empty();
  if (is_read) registry.require_all(config, diag);
  // With errors as well: it finds what else is wrong, as far as that can be told.
  std::unique_ptr<Graph> graph;
  if (is_read) graph = Graph::build(config, registry, setup, diag);
  if (arguments.json)
    std::fputs(json_text(arguments.file, diag, config, graph.get()).c_str(), stdout);
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
