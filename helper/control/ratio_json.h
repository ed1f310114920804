// SPDX-License-Identifier: MIT
// ratio_json.h - the balancer's view -> "ratio show".
#pragma once

#include <boost/json/value.hpp>
#include <string_view>

#include "balance/balancer.h"
#include "fulcrum/result.h"

namespace fulcrum {

// Shape: ratio_show in api.h. Empty `port`: all. Errors: no such port.
Result<boost::json::value> ratio_json(const Balancer& balancer, std::string_view port);

}  // namespace fulcrum
