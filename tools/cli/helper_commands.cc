// SPDX-License-Identifier: MIT
// helper_commands.cc - commands that ask the running helper.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "client.h"
#include "command.h"
#include "live.h"
#include "report.h"
#include "tables.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

// Asks, lets `fill` add the text, prints.
int show(const Options& o, const json::object& request, void (*fill)(Report&)) {
  auto data = ask(o.socket, request);
  if (!data) return refuse(data.error());
  Report report(std::move(*data));
  fill(report);
  report.print(o.json);
  return 0;
}

void json_option(CLI::App& app, Options& o) { app.add_flag("--json", o.json, "JSON instead of text"); }

void ratio_show_options(CLI::App& app, Options& o) {
  app.add_option("PORT", o.port, "one port; all without");
  json_option(app, o);
}
void ratio_set_options(CLI::App& app, Options& o) {
  app.add_option("PORT", o.port, "port")->required();
  app.add_option("TIER=PERMILLE", o.shares, "share of a tier; all of them add up to 1000, as cpu=700 manycore=300")
      ->required();
  json_option(app, o);
}
void ratio_auto_options(CLI::App& app, Options& o) {
  app.add_option("PORT", o.port, "port")->required();
  app.add_option("--policy", o.policy, "what moves the split")->capture_default_str();
  json_option(app, o);
}
void pipeline_show_options(CLI::App& app, Options& o) {
  app.add_flag("--dot", o.dot, "as a Graphviz digraph");
  json_option(app, o);
}
void pipeline_load_options(CLI::App& app, Options& o) {
  app.add_option("FILE", o.file, "configuration that takes the place of the running one")->required();
  json_option(app, o);
}
void element_option(CLI::App& app, Options& o) {
  app.add_option("NAME", o.element, "element, as in `fulcrum pipeline show`")->required();
  json_option(app, o);
}
void element_call_options(CLI::App& app, Options& o) {
  app.add_option("NAME", o.element, "element, as in `fulcrum pipeline show`")->required();
  app.add_option("HANDLER", o.handler, "what to ask, as in `fulcrum element handlers NAME`")->required();
  app.add_option("ARGS", o.args, "as in a configuration: values and KEYWORD values, with commas between");
  json_option(app, o);
}
void stats_options(CLI::App& app, Options& o) {
  app.add_flag("--watch", o.watch, "again each interval");
  live_options(app, o);
  json_option(app, o);
}
void device_option(CLI::App& app, Options& o) {
  app.add_option("DEVICE", o.device, "name as in `fulcrum device list`")->required();
  json_option(app, o);
}

int port_list(const Options& o) { return show(o, {{"object", "port"}, {"verb", "list"}}, fill_ports); }
int pipeline_show(const Options& o) {
  json::object request{{"object", "pipeline"}, {"verb", "show"}};
  if (o.dot) request["dot"] = true;
  return show(o, request, fill_pipeline);
}
// The helper may run in another folder.
int pipeline_load(const Options& o) {
  std::error_code failed;
  const std::string file = std::filesystem::absolute(o.file, failed).string();
  return show(o, {{"object", "pipeline"}, {"verb", "load"}, {"file", file}}, fill_load);
}
bool is_keyword(const std::string& word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
}

// Shell words -> a list of arguments. A comma may be left out before a keyword: `rate 10kpps BURST 5`.
std::string argument_list(const std::vector<std::string>& words) {
  std::string args, before;
  for (const std::string& word : words) {
    const bool next = is_keyword(word) && !is_keyword(before) && !before.ends_with(',');
    args += (before.empty() ? "" : next ? ", " : " ") + word;
    before = word;
  }
  return args;
}
int element_call(const Options& o) {
  const std::string args = argument_list(o.args);
  return show(o,
              {{"object", "element"}, {"verb", "call"}, {"element", o.element}, {"handler", o.handler}, {"args", args}},
              fill_call);
}
int element_handlers(const Options& o) {
  return show(o, {{"object", "element"}, {"verb", "handlers"}, {"element", o.element}}, fill_handlers);
}
int ratio_show(const Options& o) {
  return show(o, {{"object", "ratio"}, {"verb", "show"}, {"port", o.port}}, fill_ratio);
}

// "cpu=700" -> name and share; the sum is checked here so that the message names what was typed.
Result<json::object> parse_shares(const std::vector<std::string>& words) {
  json::object shares;
  unsigned sum = 0;
  for (const std::string& word : words) {
    std::size_t equals = word.find('=');
    unsigned permille = 0;
    const char* end = word.data() + word.size();
    auto parsed = equals == std::string::npos || !equals
                      ? std::from_chars_result{word.data(), std::errc::invalid_argument}
                      : std::from_chars(word.data() + equals + 1, end, permille);
    if (parsed.ec != std::errc() || parsed.ptr != end || permille > 1000)
      return Error{"ratio: '" + word + "': not TIER=PERMILLE: write a tier and 0 to 1000, as cpu=700"};
    std::string tier = word.substr(0, equals);
    if (shares.contains(tier)) return Error{"ratio: tier '" + tier + "' given twice: name each tier once"};
    shares[tier] = permille;
    sum += permille;
  }
  if (sum != 1000)
    return Error{"ratio: shares add up to " + std::to_string(sum) + ": they are permille and must add up to 1000"};
  return shares;
}

int ratio_set(const Options& o) {
  auto shares = parse_shares(o.shares);
  if (!shares) {
    refuse(shares.error());
    return 2;
  }
  return show(o, {{"object", "ratio"}, {"verb", "set"}, {"port", o.port}, {"shares", *shares}}, fill_ratio);
}
int ratio_auto(const Options& o) {
  return show(o, {{"object", "ratio"}, {"verb", "auto"}, {"port", o.port}, {"policy", o.policy}}, fill_ratio);
}
int stats(const Options& o) {
  if (o.watch) return watch_stats(o);
  return show(o, {{"object", "stats"}, {"verb", "show"}}, fill_stats);
}
int device_list(const Options& o) { return show(o, {{"object", "device"}, {"verb", "list"}}, fill_devices); }
int device_enable(const Options& o) {
  return show(o, {{"object", "device"}, {"verb", "enable"}, {"device", o.device}}, fill_device_states);
}
int device_disable(const Options& o) {
  return show(o, {{"object", "device"}, {"verb", "disable"}, {"device", o.device}}, fill_device_states);
}
int stop(const Options& o) {
  auto data = ask(o.socket, {{"object", "helper"}, {"verb", "shutdown"}});
  if (!data) return refuse(data.error());
  std::fprintf(stderr, "helper: drains and stops\n");
  return 0;
}

constexpr Command kCommands[] = {
    {"port", "list", "ports of the helper: queues, sockets, modes, way back", json_option, port_list},
    {"pipeline", "show", "the running graph and its counters", pipeline_show_options, pipeline_show},
    {"pipeline", "load", "put another pipeline in the place of the running one, without losing a packet",
     pipeline_load_options, pipeline_load},
    {"element", "call", "ask or tell an element of the running pipeline", element_call_options, element_call},
    {"element", "handlers", "what an element can be asked and told", element_option, element_handlers},
    {"ratio", "show", "the split by tier, which tiers are not eligible and why", ratio_show_options, ratio_show},
    {"ratio", "set", "give a port a fixed split", ratio_set_options, ratio_set},
    {"ratio", "auto", "let a policy move the split", ratio_auto_options, ratio_auto},
    {"stats", "", "counters of ports, verdicts, losses, latency", stats_options, stats},
    {"top", "", "live view: split, rate and latency by tier, drops", live_options, watch_top},
    {"device", "list", "state, measured speed, bytes moved and saved, errors", json_option, device_list},
    {"device", "enable", "let a device take packets again", device_option, device_enable},
    {"device", "disable", "take a device out of the split", device_option, device_disable},
    {"stop", "", "drain and end the helper", nullptr, stop},
};

}  // namespace

std::span<const Command> helper_commands() { return kCommands; }

}  // namespace fulcrum::cli
