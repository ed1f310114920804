// SPDX-License-Identifier: MIT
// tables.h - which members of an answer stand in which columns. Shapes: control/api.h.
#pragma once

#include "report.h"

namespace fulcrum::cli {

void fill_ports(Report& report);
void fill_pipeline(Report& report);
void fill_load(Report& report);
void fill_call(Report& report);
void fill_handlers(Report& report);
void fill_ratio(Report& report);
void fill_stats(Report& report);
void fill_devices(Report& report);
void fill_device_states(Report& report);  // a line each

}  // namespace fulcrum::cli
