// SPDX-License-Identifier: MIT
// main.cc - `fulcrum OBJECT VERB`: parse all, act once.
#include <algorithm>
#include <cstdio>

#include "command.h"
#include "commands.h"
#include "control/server.h"

namespace fulcrum::cli {

int refuse(const Error& error) {
  std::fprintf(stderr, "%s\n", error.text.c_str());
  return 1;
}

namespace {

const char* object_help(std::string_view object) {
  static const std::map<std::string_view, const char*> kHelp = {
      {"port", "network interfaces that Fulcrum steers"},
      {"pipeline", "the running graph of elements, and checks of files"},
      {"element", "classes of elements, and their manuals"},
      {"ratio", "the split of each port by tier, and what moves it"},
      {"plugin", "shared objects with elements and kernels"},
      {"device", "accelerators: health, measured speed"},
      {"bench", "measure on this machine"},
  };
  auto found = kHelp.find(object);
  return found == kHelp.end() ? "" : found->second;
}

CLI::App* object_app(CLI::App& app, const char* object) {
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; }))
    if (sub->get_name() == object) return sub;
  CLI::App* made = app.add_subcommand(object, object_help(object));
  made->require_subcommand(1);
  made->fallthrough();
  return made;
}

void add_commands(CLI::App& app, std::span<const Command> rows, Options& options, int& exit_code) {
  for (const Command& row : rows) {
    bool single = !*row.verb;
    CLI::App* parent = single ? &app : object_app(app, row.object);
    CLI::App* leaf = parent->add_subcommand(single ? row.object : row.verb, row.help);
    leaf->fallthrough();
    if (row.options) row.options(*leaf, options);
    leaf->callback([&row, &options, &exit_code] { exit_code = row.run(options); });
  }
}

// "object verb  what it does", from the commands themselves.
std::string overview(const CLI::App& app, const std::string& prefix = "") {
  std::string out;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    std::string words = prefix + sub->get_name();
    if (!sub->get_subcommands([](const CLI::App*) { return true; }).empty()) {
      out += overview(*sub, words + " ");
      continue;
    }
    out += "  " + words + std::string(words.size() < 20 ? 20 - words.size() : 1, ' ') + sub->get_description() + "\n";
  }
  return out;
}

std::vector<const CLI::App*> children(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Which word is no command, or that one is missing, and what would be valid;
// empty: the commands are right, something else is not.
std::string explain_words(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  std::string_view unknown;
  for (int i = 1; i < argc && unknown.empty() && !children(*at).empty(); ++i) {
    const std::string_view word = argv[i];
    if (word == "-s" || word == "--socket") ++i;
    if (word.starts_with('-')) continue;
    const auto known = children(*at);
    auto found = std::find_if(known.begin(), known.end(), [&](const CLI::App* a) { return a->get_name() == word; });
    if (found == known.end())
      unknown = word;
    else
      at = *found;
  }
  if (children(*at).empty()) return {};
  std::string valid;
  for (const CLI::App* a : children(*at)) valid += (valid.empty() ? "" : ", ") + a->get_name();
  const std::string what = unknown.empty() ? "no command given" : "'" + std::string(unknown) + "': no such command";
  return at->get_name() + ": " + what + ": valid: " + valid + "; see `fulcrum --help`\n";
}

int run(int argc, char** argv) {
  int exit_code = 0;
  Options options;
  options.socket = control_socket_path();
  CLI::App app{"fulcrum - command of the packet processor Fulcrum.", "fulcrum"};
  app.require_subcommand(1);
  app.add_option("-s,--socket", options.socket, "control socket of the helper")
      ->type_name("PATH")
      ->capture_default_str();
  add_commands(app, helper_commands(), options, exit_code);
  add_commands(app, machine_commands(), options, exit_code);
  add_commands(app, plugin_commands(), options, exit_code);
  add_pipeline_check(*object_app(app, "pipeline"), exit_code);
  add_element_commands(*object_app(app, "element"), exit_code);
  add_run_command(app, exit_code);
  add_bench_device(*object_app(app, "bench"), exit_code);
  add_bench_pipeline(*object_app(app, "bench"), exit_code);
  app.footer("Commands:\n" + overview(app) +
             "\nEach has --help. Data goes to stdout, words to stderr; exit 0 done, 1 refused, 2 usage.");
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) sub->group("");  // the overview has them
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0)
      if (const std::string text = explain_words(app, argc, argv); !text.empty()) {
        std::fputs(text.c_str(), stderr);
        return 2;
      }
    return app.exit(e) == 0 ? 0 : 2;
  }
  return exit_code;
}

}  // namespace
}  // namespace fulcrum::cli

int main(int argc, char** argv) {
  try {
    return fulcrum::cli::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fulcrum: failed: %s\n", e.what());
    return 1;
  }
}
