// SPDX-License-Identifier: MIT
// ids.click - the router, with a forbidden pattern in packets from the west dropped.
require(route, ids);

west :: FromPort(west, ORDERING flow, ON_HELPER_LOSS pass);
east :: FromPort(east, ORDERING flow, ON_HELPER_LOSS pass);

w4 :: CheckIPHeader;
w6 :: CheckIP6Header;
e4 :: CheckIPHeader;
e6 :: CheckIP6Header;
pm :: PayloadMatch(PATTERNS "FORBIDDEN-PATTERN");
rt :: IPLookup(FIB kernel);

west -> w4 -> pm;
w4[1] -> w6 -> pm;                       // not IPv4: perhaps IPv6
east -> e4 -> rt;                        // the way back is only routed
e4[1] -> e6 -> rt;
pm -> rt;
pm[1] -> Discard(REASON forbidden_pattern);
rt -> DecIPTTL -> DecIP6HLIM -> ToPort;  // each lowers its own family
rt[1] -> ToKernel;
