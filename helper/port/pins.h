// SPDX-License-Identifier: MIT
// pins.h - maps pinned by iproute2, against those that the front-end's object file asks for.
#pragma once

#include <string>
#include <vector>

namespace fulcrum {

// A pin that makes iproute2 refuse the front-end: the same name, another layout.
struct StalePin {
  std::string name;  // "fu1_port"
  std::string text;  // "map fu1_port: key 4, value 8 bytes, 4 entries; this version's has …"
};

// The stale ones of `pin_dir` for the maps of `object` (steer.bpf.o). None where
// either cannot be read: then attaching tells why.
std::vector<StalePin> stale_pins(const std::string& object, const std::string& pin_dir);

}  // namespace fulcrum
