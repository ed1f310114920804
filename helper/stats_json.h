// SPDX-License-Identifier: MIT
// stats_json.h - counters of the running helper -> the shapes of control/api.h.
#pragma once

#include <boost/json/value.hpp>

#include "runtime.h"

namespace fulcrum {

// Packets with the verdict tx, less those that were lost on the way out.
std::uint64_t sent_packets(Runtime& rt);
boost::json::value stats_json(Runtime& rt);
boost::json::value ports_json(Runtime& rt);
boost::json::value devices_json(Runtime& rt);
boost::json::value nodes_json(Runtime& rt, const std::string& file);

}  // namespace fulcrum
