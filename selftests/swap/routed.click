// SPDX-License-Identifier: MIT
// routed.click - a router that counts what comes (seen) and what it routes (gone).
require(route);

west :: FromPort(west, ORDERING flow, ON_HELPER_LOSS drop);
east :: FromPort(east, ORDERING flow, ON_HELPER_LOSS drop);
seen :: Counter;
gone :: Counter;
c4 :: CheckIPHeader;
c6 :: CheckIP6Header;
rt :: IPLookup(FIB kernel);

west -> seen -> c4 -> rt;
east -> seen;
c4[1] -> c6 -> rt;
rt -> DecIPTTL -> DecIP6HLIM -> gone -> ToPort;
rt[1] -> ToKernel;
