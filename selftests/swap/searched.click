// SPDX-License-Identifier: MIT
// searched.click - as routed.click, and packets from both sides are searched on the way.
require(route, ids);

east :: FromPort(east, ORDERING flow, ON_HELPER_LOSS drop);
west :: FromPort(west, ORDERING flow, ON_HELPER_LOSS drop);
gone :: Counter;
seen :: Counter;
pm :: PayloadMatch(PATTERNS "NO-PACKET-HAS-THIS");
rt :: IPLookup(FIB kernel);
c6 :: CheckIP6Header;
c4 :: CheckIPHeader;

east -> seen;
west -> seen -> c4 -> pm -> rt;
c4[1] -> c6 -> pm;
pm[1] -> Discard(REASON forbidden_pattern);
rt -> DecIPTTL -> DecIP6HLIM -> gone -> ToPort;
rt[1] -> ToKernel;
