// SPDX-License-Identifier: MIT
// netlink_parse.h - rtnetlink messages -> routes, neighbours, links.
//
// Each returns nothing for a message that is not of interest or is malformed.
#pragma once

#include <linux/netlink.h>

#include <optional>

#include "table/netlink_routes.h"
#include "table/route_store.h"

namespace fulcrum {

std::optional<StoredRoute> parse_route(const nlmsghdr& m);

struct ParsedNeighbour {
  NeighbourEntry entry;
  bool usable;  // state and address such that Linux would send
};
std::optional<ParsedNeighbour> parse_neighbour(const nlmsghdr& m);

std::optional<LinkInfo> parse_link(const nlmsghdr& m);

}  // namespace fulcrum
