// SPDX-License-Identifier: MIT
// command.h - a command is a table row: words, help, options, function.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "fulcrum/result.h"

namespace fulcrum::cli {

// Every option of every row; a row reads what it asked for.
struct Options {
  std::string socket;  // --socket, else control_socket_path()
  bool json = false;
  std::string port, device, policy = "hillclimb", mode = "auto", bpf_dir, pin_dir;
  std::string plugin, dir;
  std::vector<std::string> shares;  // TIER=PERMILLE
  std::string file, element, handler;
  std::vector<std::string> args;
  bool dot = false, all = false, force = false, watch = false;
  unsigned interval_s = 1;
  unsigned count = 0;  // 0: until interrupted
};

struct Command {
  const char* object;  // "ratio"
  const char* verb;    // "show"; "" for commands of one word
  const char* help;
  void (*options)(CLI::App& app, Options& o);
  // Exit status: 0 done, 1 refused, 2 usage.
  int (*run)(const Options& o);
};

std::span<const Command> helper_commands();   // port list, pipeline show, ratio, stats, top, device, stop
std::span<const Command> machine_commands();  // port attach and detach, unpin, doctor

std::span<const Command> plugin_commands();  // plugin list, info, load, unload, new

// The error on stderr; returns 1.
int refuse(const Error& error);

}  // namespace fulcrum::cli
