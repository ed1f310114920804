// SPDX-License-Identifier: MIT
// route_file.h - a text file of routes -> Rib with one version for ever.
//
//   # comment
//   PREFIX via NEXTHOP dev PORT [lladdr MAC]
//
// IPv4 and IPv6 lines may be mixed; a prefix without a length is one address.
// NEXTHOP is for the reader and checked, but the MAC alone addresses the frame.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fulcrum/element.h"
#include "rib.h"

namespace fulcrum::route {

struct FileRib : Rib {
  std::vector<ArgError> errors;  // not empty: nothing is published
};

// Errors: FileRib::errors, each "FILE:LINE: what", at `pos`. `tag`: RouteTable::tag.
std::shared_ptr<FileRib> load_route_file(const std::string& path, Setup& setup, SourcePos pos, std::uint32_t tag = 1);

// The same from text; `name` stands in messages.
std::shared_ptr<FileRib> parse_routes(std::string_view text, const std::string& name, Setup& setup, SourcePos pos,
                                      std::uint32_t tag = 1);

}  // namespace fulcrum::route
