// SPDX-License-Identifier: MIT
// handlers.click - a router whose packets from the west are counted, measured and policed.
require(route);

elementclass Way { input -> c :: Counter -> h :: Histogram(size) -> output; }

west :: FromPort(west, ORDERING flow, ON_HELPER_LOSS drop);
east :: FromPort(east, ORDERING flow, ON_HELPER_LOSS drop);
way :: Way;
limit :: Policer(100kpps, BURST 1000);
c4 :: CheckIPHeader;
c6 :: CheckIP6Header;
rt :: IPLookup(FIB kernel);

west -> way -> limit -> c4 -> rt;
east -> c4;
c4[1] -> c6 -> rt;
rt -> DecIPTTL -> DecIP6HLIM -> ToPort;
rt[1] -> ToKernel;
