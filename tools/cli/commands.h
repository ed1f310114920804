// SPDX-License-Identifier: MIT
// commands.h - each function adds one command to the `fulcrum` program.
//
// A command sets `exit_code` when it runs: 0 done, 1 refused. Usage errors (2)
// are thrown as CLI::ParseError and end in main().
#pragma once

namespace CLI {
class App;
}

namespace fulcrum::cli {

void add_run_command(CLI::App& app, int& exit_code);
void add_bench_device(CLI::App& bench_cmd, int& exit_code);
void add_bench_pipeline(CLI::App& bench_cmd, int& exit_code);
void add_pipeline_check(CLI::App& pipeline_cmd, int& exit_code);
void add_element_commands(CLI::App& element_cmd, int& exit_code);

}  // namespace fulcrum::cli
