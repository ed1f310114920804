// SPDX-License-Identifier: MIT
// run.cc - `fulcrum run`: capture files through a pipeline.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "commands.h"
#include "replay/replay.h"

namespace fulcrum::cli {
namespace {

struct RunArguments {
  ReplayOptions options;
  std::vector<std::string> out_port;
  bool json = false;
};

std::string check_named_file(const std::string& word) {
  const std::size_t equals = word.find('=');
  const bool good = equals != std::string::npos && equals > 0 && equals + 1 < word.size();
  return good ? "" : "'" + word + "' is not of the form NAME=FILE";
}

int run(RunArguments& arguments) {
  arguments.options.out_port.clear();
  for (const std::string& word : arguments.out_port) {
    const std::size_t equals = word.find('=');
    arguments.options.out_port.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  Result<ReplayReport> report = replay(arguments.options);
  if (!report) {
    const std::string& text = report.error().text;
    std::fputs(text.c_str(), stderr);
    if (!text.ends_with('\n')) std::fputc('\n', stderr);
    return 1;
  }
  std::fputs((arguments.json ? report_json(*report) : report_text(*report)).c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<RunArguments>();
  ReplayOptions& o = arguments->options;
  CLI::App* cmd = app.add_subcommand("run", "send capture files through a pipeline; no interface, no root");
  cmd->add_option("--pipeline", o.pipeline, "configuration of the pipeline")->required();
  cmd->add_option("--in", o.in,
                  "capture for the only FromPort, or NAME=FILE for one of several; FromCapture needs none")
      ->expected(1)
      ->take_all();
  cmd->add_option("--out", o.out, "capture of all that ToPorts send");
  cmd->add_option("--out-port", arguments->out_port, "NAME=FILE: capture of what one port sends")
      ->expected(1)
      ->take_all()
      ->check(check_named_file);
  cmd->add_option("--tier", o.tier, "cpu, device:NAME, or auto: buckets alternate between the two")
      ->capture_default_str();
  cmd->add_option("--verdicts", o.verdicts, "file for one line of JSON a packet, in order of arrival");
  cmd->add_option("--call", o.calls, "\"NAME HANDLER ARGS\": what to read of an element at the end")
      ->expected(1)
      ->take_all();
  cmd->add_flag("--json", arguments->json, "summary as JSON");
  cmd->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace fulcrum::cli
