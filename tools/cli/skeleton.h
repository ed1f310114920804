// SPDX-License-Identifier: MIT
// skeleton.h - the example plugin -> a folder with a new one of another name.
#pragma once

#include <string>

#include "fulcrum/result.h"

namespace fulcrum::cli {

// Returns the folder. Errors: no name for C++; the folder has files already; cannot be written.
Result<std::string> write_skeleton(const std::string& plugin, const std::string& folder);

}  // namespace fulcrum::cli
