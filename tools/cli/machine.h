// SPDX-License-Identifier: MIT
// machine.h - commands that need no helper: they look at and change the machine.
#pragma once

#include "command.h"

namespace fulcrum::cli {

void attach_options(CLI::App& app, Options& o);
int attach(const Options& o);
void detach_options(CLI::App& app, Options& o);
int detach(const Options& o);

void unpin_options(CLI::App& app, Options& o);
int unpin(const Options& o);

void doctor_options(CLI::App& app, Options& o);
int doctor(const Options& o);

}  // namespace fulcrum::cli
