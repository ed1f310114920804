// SPDX-License-Identifier: MIT
// command_line.cc - argv of fulcrumd -> HelperConfig: defaults, then the file, then --set, then options.
#include <CLI/CLI.hpp>
#include <sstream>

#include "base/data_dir.h"
#include "control/config.h"
#include "control/server.h"
#include "fulcrum.h"

namespace fulcrum {
namespace {

struct Options {
  std::string pipeline, config, socket;
  std::vector<std::string> set;
};

// Defaults that depend on the machine, where nothing was said.
void fill_defaults(HelperConfig& c) {
  if (c.socket_path.empty()) c.socket_path = control_socket_path();
  if (c.bpf_dir.empty()) c.bpf_dir = default_data_dir("bpf");
  if (c.pin_dir.empty()) c.pin_dir = FULCRUM_PIN_DIR;
}

Result<HelperConfig> merge(const Options& options) {
  HelperConfig c;
  c.config_file = options.config;
  if (!options.config.empty())
    if (auto done = load_config_file(options.config, c); !done) return done.error();
  for (const std::string& assignment : options.set)
    if (auto done = set_config_key(assignment, c); !done) return done.error();
  if (!options.pipeline.empty()) c.pipeline_file = options.pipeline;
  if (!options.socket.empty()) c.socket_path = options.socket;
  if (c.pipeline_file.empty())
    return Error{"fulcrumd: no pipeline: neither --pipeline nor helper.pipeline in a --config file is given, give one"};
  fill_defaults(c);
  return c;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine out;
  Options options;
  CLI::App app{
      "fulcrumd - the helper of Fulcrum: runs a pipeline on the ports its FromPort elements name.\n"
      "Attach each port first: ip link set dev PORT xdp obj steer.bpf.o sec xdp",
      "fulcrumd"};
  app.add_option("-p,--pipeline", options.pipeline, "Click configuration to run")->type_name("FILE");
  app.add_option("-c,--config", options.config, "settings, keys below")->type_name("TOML");
  app.add_option("-s,--socket", options.socket,
                 "control socket (default $FULCRUM_SOCKET or " + std::string(kDefaultSocketPath) + ")")
      ->type_name("PATH");
  app.add_option("--set", options.set, "one setting, wins over --config; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.footer(config_help());
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::ostringstream words, errors;
    out.exit_code = app.exit(e, words, errors) ? 2 : 0;
    out.output = out.exit_code ? std::string("fulcrumd: ") + e.what() + ", see fulcrumd --help\n" : words.str();
    return out;
  }
  auto config = merge(options);
  if (!config) {
    out.exit_code = 2;
    out.output = config.error().text + "\n";
    return out;
  }
  out.config = std::move(*config);
  out.run = true;
  return out;
}

}  // namespace fulcrum
