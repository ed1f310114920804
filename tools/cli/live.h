// SPDX-License-Identifier: MIT
// live.h - views that come again each interval: `stats --watch`, `top`.
#pragma once

#include "command.h"

namespace fulcrum::cli {

void live_options(CLI::App& app, Options& o);  // --interval, --count
int watch_stats(const Options& o);             // with --json one object a line
int watch_top(const Options& o);

}  // namespace fulcrum::cli
