// SPDX-License-Identifier: MIT
// client.h - one request to the helper -> its answer. Plain blocking socket.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "fulcrum/result.h"

namespace fulcrum::cli {

// Returns "data" of the answer. Errors: no helper, the helper's own words, no
// answer in 60 s.
Result<boost::json::value> ask(const std::string& socket_path, const boost::json::object& request);

}  // namespace fulcrum::cli
