// SPDX-License-Identifier: MIT
// data_dir.h - where built or installed files are, seen from the running program.
#pragma once

#include <string>

namespace fulcrum {

// <exe>/../WHAT, else <exe>/../lib/fulcrum/WHAT. `what`: "bpf", "plugins", "models".
std::string default_data_dir(const char* what);

}  // namespace fulcrum
