// SPDX-License-Identifier: MIT
// plugin.cc - `fulcrum plugin`: what there is, into and out of the running helper, a new one.
#include <boost/json.hpp>
#include <cstdio>

#include "client.h"
#include "command.h"
#include "pipeline/plugin_json.h"
#include "report.h"
#include "skeleton.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

void list_options(CLI::App& app, Options& o) { app.add_flag("--json", o.json, "JSON instead of text"); }
void plugin_option(CLI::App& app, Options& o) {
  app.add_option("NAME", o.plugin, "name of the plugin: that of its file without .so")->required();
  list_options(app, o);
}
void new_options(CLI::App& app, Options& o) {
  app.add_option("NAME", o.plugin, "name of the plugin: lower-case letters, digits and '_'")->required();
  app.add_option("--dir", o.dir, "folder to write to (default: NAME)")->type_name("DIR");
}

Result<json::value> ask_for(const Options& o, const char* verb) {
  return ask(o.socket, {{"object", "plugin"}, {"verb", verb}, {"plugin", o.plugin}});
}

// Without a helper the folders tell, as it would find them.
Result<json::value> list_of(const Options& o) {
  if (auto running = ask(o.socket, {{"object", "plugin"}, {"verb", "list"}})) return running;
  return json::value(plugin_list_json(Registry(), true));
}

int list(const Options& o) {
  auto data = list_of(o);
  if (!data) return refuse(data.error());
  Report report(std::move(*data));
  const json::array& plugins = array_at(report.data(), "plugins");
  if (plugins.empty())
    report.line("no plugins: set FULCRUM_PLUGIN_DIR to their folder");
  else
    report.table(plugins, {{"plugin", "PLUGIN"},
                           {"version", "VERSION"},
                           {"state", "STATE"},
                           {"used", "USED"},
                           {"path", "PATH"},
                           {"summary", "SUMMARY"}});
  for (const json::value& p : plugins)
    if (p.as_object().contains("error")) report.line(text_at(p, "error"));
  report.print(o.json);
  return 0;
}

void fill_info(Report& report) {
  const json::value& p = report.data();
  report.line(text_at(p, "plugin") + " " + text_at(p, "version") + ": " + text_at(p, "summary"));
  report.line("  ABI            " + cell(p.at("abi")));
  report.line("  state          " + text_at(p, "state"));
  for (const auto& [key, title] : {std::pair{"path", "  path           "},
                                   {"inline_object", "  inline object  "},
                                   {"kernel_module", "  kernel module  "}})
    if (p.as_object().contains(key)) report.line(title + text_at(p, key));
  for (const json::value& t : array_at(p, "tables")) report.line("  table          " + cell(t));
  report.line("");
  report.table(array_at(p, "elements"), {{"synopsis", "ELEMENT"}, {"summary", "SUMMARY"}});
  if (array_at(p, "kernels").empty()) return;
  report.line("");
  report.table(array_at(p, "kernels"), {{"kernel", "KERNEL"}, {"targets", "BUILT FOR"}});
}

int print_info(Result<json::value> data, bool as_json) {
  if (!data) return refuse(data.error());
  Report report(std::move(*data));
  fill_info(report);
  report.print(as_json);
  return 0;
}

int info(const Options& o) {
  if (ask(o.socket, {{"object", "plugin"}, {"verb", "list"}})) return print_info(ask_for(o, "info"), o.json);
  auto found = plugin_info_json(Registry(), o.plugin);
  return print_info(found ? Result<json::value>(json::value(std::move(*found))) : found.error(), o.json);
}

int load(const Options& o) { return print_info(ask_for(o, "load"), o.json); }

int unload(const Options& o) {
  auto data = ask_for(o, "unload");
  if (!data) return refuse(data.error());
  Report report(std::move(*data));
  report.line("plugin " + o.plugin + ": unloaded");
  report.print(o.json);
  return 0;
}

int make_new(const Options& o) {
  auto written = write_skeleton(o.plugin, o.dir.empty() ? o.plugin : o.dir);
  if (!written) return refuse(written.error());
  std::fprintf(stderr, "plugin %s: written to %s: next: make -C %s test\n", o.plugin.c_str(), written->c_str(),
               written->c_str());
  return 0;
}

constexpr Command kCommands[] = {
    {"plugin", "list", "plugins that are loaded, and files that could be", list_options, list},
    {"plugin", "info", "what a plugin brings: elements, kernels, tables", plugin_option, info},
    {"plugin", "load", "load a plugin into the running helper", plugin_option, load},
    {"plugin", "unload", "unload one that no pipeline uses any more", plugin_option, unload},
    {"plugin", "new", "write the skeleton of a plugin: element, kernel, test", new_options, make_new},
};

}  // namespace

std::span<const Command> plugin_commands() { return kCommands; }

}  // namespace fulcrum::cli
