// SPDX-License-Identifier: MIT
// bench.cc - `fulcrum bench`: figures of this machine, no interface and no root.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "bench/device_bench.h"
#include "bench/pipeline_bench.h"
#include "commands.h"
#include "report.h"

namespace fulcrum::cli {
namespace {

namespace json = boost::json;

struct BenchArguments {
  DeviceBenchOptions options;
  bool json = false;
};

json::object figure_json(const Figure& f) {
  json::object o{{"name", f.name}, {"value", f.value}, {"unit", f.unit}, {"best", f.best}};
  if (f.reference) {
    o["reference"] = *f.reference;
    o["reference_of"] = f.reference_of;
    o["ratio"] = f.ratio;
  }
  if (f.goal != Goal::kNone) {
    static constexpr const char* kOf[] = {"", "value at most", "ratio at least", "value equal to reference"};
    o["goal_of"] = kOf[static_cast<int>(f.goal)];
    if (f.goal != Goal::kEqual) o["goal"] = f.goal_value;
    o["met"] = f.met();
  }
  o["note"] = f.note;
  return o;
}

json::object findings_json(const Findings& found) {
  json::array figures, skipped, wrong;
  for (const Figure& f : found.figures) figures.push_back(figure_json(f));
  for (const Skipped& s : found.skipped) skipped.push_back(json::object{{"name", s.name}, {"why", s.why}});
  for (const std::string& w : found.wrong) wrong.emplace_back(w);
  return {{"figures", std::move(figures)}, {"skipped", std::move(skipped)}, {"wrong", std::move(wrong)}};
}

json::array devices_json(const std::vector<DeviceInfo>& infos) {
  json::array devices;
  for (const DeviceInfo& d : infos)
    devices.push_back(json::object{{"device", d.name},
                                   {"kind", d.kind},
                                   {"model", d.model},
                                   {"isa", d.isa},
                                   {"reads_frames", d.in_place ? "in place" : "copied"},
                                   {"launch_us", d.launch_us},
                                   {"copy_in_gbps", d.copy_in_gbps},
                                   {"copy_out_gbps", d.copy_out_gbps}});
  return devices;
}

void device_text(Report& report) {
  for (const json::value& d : array_at(report.data(), "devices")) {
    report.line("device " + text_at(d, "device") + ": " + text_at(d, "model") + ", launch " + text_at(d, "launch_us") +
                " us, packets read " + text_at(d, "reads_frames"));
    if (number_at(d, "copy_in_gbps") > 0)
      report.line("  copies: " + text_at(d, "copy_in_gbps") + " Gbit/s in, " + text_at(d, "copy_out_gbps") + " out");
  }
}

void findings_text(Report& report) {
  const json::value& data = report.data();
  report.table(array_at(data, "figures"), {{"name", "FIGURE"},
                                           {"value", "VALUE"},
                                           {"unit", "UNIT"},
                                           {"best", "BEST"},
                                           {"reference", "REFERENCE"},
                                           {"ratio", "RATIO"},
                                           {"goal", "GOAL"},
                                           {"met", "MET"}});
  for (const json::value& f : array_at(data, "figures")) report.line(text_at(f, "name") + ": " + text_at(f, "note"));
  for (const json::value& s : array_at(data, "skipped"))
    report.line("skipped: " + text_at(s, "name") + ": " + text_at(s, "why"));
  for (const json::value& w : array_at(data, "wrong")) report.line("wrong: " + cell(w));
}

int print(Report& report, bool json, const Findings& found) {
  findings_text(report);
  report.print(json);
  return found.wrong.empty() ? 0 : 1;
}

int run_device(const BenchArguments& arguments) {
  const DeviceBenchReport found = device_bench(arguments.options);
  json::object data = findings_json(found.found);
  data["devices"] = devices_json(found.devices);
  Report report(std::move(data));
  device_text(report);
  return print(report, arguments.json, found.found);
}

int run_pipeline(const PipelineBenchOptions& options, bool json) {
  const Findings found = pipeline_bench(options);
  Report report(findings_json(found));
  return print(report, json, found);
}

}  // namespace

void add_bench_device(CLI::App& bench_cmd, int& exit_code) {
  auto arguments = std::make_shared<BenchArguments>();
  DeviceBenchOptions& o = arguments->options;
  CLI::App* cmd = bench_cmd.add_subcommand("device", "what devices and the framework around them do here");
  cmd->add_option("--device", o.devices, "only this device, named as for `fulcrum run --tier device:NAME`; repeat it")
      ->expected(1)
      ->take_all();
  cmd->add_option("--seconds", o.seconds, "time for each figure")->capture_default_str()->check(CLI::Range(0.1, 600.0));
  cmd->add_option("--patterns", o.patterns, "table with columns sid and content; without it patterns are made up");
  cmd->add_flag("--json", arguments->json, "JSON instead of text");
  cmd->callback([arguments, &exit_code] { exit_code = run_device(*arguments); });
}

void add_bench_pipeline(CLI::App& bench_cmd, int& exit_code) {
  struct Arguments {
    PipelineBenchOptions options;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* cmd = bench_cmd.add_subcommand("pipeline", "what elements and the way between them cost here");
  cmd->add_option("--seconds", arguments->options.seconds, "time for each figure")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 600.0));
  cmd->add_flag("--json", arguments->json, "JSON instead of text");
  cmd->callback([arguments, &exit_code] { exit_code = run_pipeline(arguments->options, arguments->json); });
}

}  // namespace fulcrum::cli
