// SPDX-License-Identifier: MIT
// stats_json.h - counters of the running helper -> the shapes of control/api.h.
#pragma once

#include <boost/json/value.hpp>

#include "runtime.h"

namespace fulcrum {

boost::json::value stats_json(Runtime& rt);
boost::json::value ports_json(Runtime& rt);
boost::json::value devices_json(Runtime& rt);
boost::json::value nodes_json(Runtime& rt, const std::string& file);

}  // namespace fulcrum
