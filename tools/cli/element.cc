// SPDX-License-Identifier: MIT
// element.cc - `fulcrum element list` and `help`: the element classes and their manuals.
//
// Both look at this program and the plugins it can find; no helper needs to run.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "command.h"
#include "commands.h"
#include "pipeline/registry.h"
#include "report.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

constexpr const char* kBuiltin = "built-in";

// All plugins that can be had are loaded; one that cannot is named on stderr.
Registry everything() {
  Registry registry;
  for (const std::string& plugin : registry.available_plugins())
    if (Result<void> ok = registry.require(plugin); !ok) std::fprintf(stderr, "%s\n", ok.error().text.c_str());
  return registry;
}

std::string plugin_of(const Registry& registry, const ElementClass& c) {
  const std::string plugin = registry.plugin_with_class(c.name);
  return plugin.empty() ? kBuiltin : plugin;
}

const char* word(Unconnected u) {
  return u == Unconnected::kError ? "error" : u == Unconnected::kDrop ? "drop" : "kernel";
}

json::array outputs_of(const ElementClass& c) {
  json::array outputs;
  for (const OutputSpec& o : c.outputs)
    outputs.push_back({{"name", o.name}, {"unconnected", word(o.unconnected)}, {"reason", o.reason ? o.reason : ""}});
  return outputs;
}

json::object summary_of(const Registry& registry, const ElementClass& c) {
  return {{"name", c.name},
          {"plugin", plugin_of(registry, c)},
          {"summary", c.summary},
          {"synopsis", c.synopsis},
          {"inputs", c.inputs},
          {"outputs", outputs_of(c)},
          {"open_outputs", c.open_outputs}};
}

int list(bool as_json) {
  const Registry registry = everything();
  json::array rows;
  for (const std::string& name : registry.class_names()) rows.push_back(summary_of(registry, *registry.find(name)));
  Report report(rows);
  report.table(rows, {{"name", "element"}, {"plugin", "plugin"}, {"summary", "what it does"}});
  report.print(as_json);
  return 0;
}

int unknown(const Registry& registry, const std::string& name) {
  const std::vector<std::string> near = nearest(name, registry.class_names());
  std::string text = "element " + name + ": no such element class: ";
  for (std::size_t i = 0; i < near.size(); ++i) text += (i ? ", " : "did you mean ") + near[i];
  return refuse(Error{text + (near.empty() ? "`" : "? `") + "fulcrum element list` names all"});
}

json::object details_of(const Registry& registry, const ElementClass& c) {
  json::object o = summary_of(registry, c);
  const std::unique_ptr<Element> element = c.make();
  json::array counters, handlers;
  for (const CounterValue& counter : element->counters()) counters.push_back(counter.name);
  for (const HandlerSpec& h : element->handlers())
    handlers.push_back({{"name", h.name}, {"args", h.args}, {"summary", h.summary}, {"writes", h.writes}});
  o["counters"] = std::move(counters);
  o["handlers"] = std::move(handlers);
  o["manual"] = c.manual;
  return o;
}

int help(const std::string& name, bool as_json) {
  const Registry registry = everything();
  const ElementClass* c = registry.find(name);
  if (!c) return unknown(registry, name);
  if (as_json) {
    std::printf("%s\n", json::serialize(details_of(registry, *c)).c_str());
    return 0;
  }
  const std::string plugin = plugin_of(registry, *c);
  if (*c->manual)
    std::fputs(c->manual, stdout);
  else
    std::printf("%s - %s\n\nSYNOPSIS  %s\n", c->name, c->summary, c->synopsis);
  std::printf("PLUGIN    %s\n", plugin == kBuiltin ? kBuiltin : (plugin + ": require(" + plugin + ");").c_str());
  return 0;
}

}  // namespace

void add_element_commands(CLI::App& element_cmd, int& exit_code) {
  struct Arguments {
    std::string name;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* list_cmd = element_cmd.add_subcommand("list", "element classes, built in and of plugins");
  list_cmd->add_flag("--json", arguments->json, "list as JSON");
  list_cmd->callback([arguments, &exit_code] { exit_code = list(arguments->json); });
  CLI::App* help_cmd = element_cmd.add_subcommand("help", "manual of an element class");
  help_cmd->add_option("name", arguments->name, "element class")->required();
  help_cmd->add_flag("--json", arguments->json, "manual, outputs, counters and handlers as JSON");
  help_cmd->callback([arguments, &exit_code] { exit_code = help(arguments->name, arguments->json); });
}

}  // namespace fulcrum::cli
