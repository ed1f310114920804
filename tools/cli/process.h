// SPDX-License-Identifier: MIT
// process.h - run a program, wait, keep what it wrote.
#pragma once

#include <string>
#include <vector>

#include "fulcrum/result.h"

namespace fulcrum::cli {

struct Finished {
  int exit_code = 0;   // 128 + signal where it was killed
  std::string output;  // stdout
  std::string errors;  // stderr, last newline removed
};

// args[0] is looked up in PATH. Errors: it cannot be started.
Result<Finished> run_program(const std::vector<std::string>& args);

}  // namespace fulcrum::cli
