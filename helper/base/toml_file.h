// SPDX-License-Identifier: MIT
// toml_file.h - TOML text -> values, or one line that says what is wrong where.
#pragma once

#include <string>
#include <toml.hpp>

#include "fulcrum/result.h"

namespace fulcrum {

// `name` stands for the text in places (toml::value::location()).
// Errors: "line 3: what": the caller says whose.
Result<toml::value> parse_toml(const std::string& text, const std::string& name);

}  // namespace fulcrum
