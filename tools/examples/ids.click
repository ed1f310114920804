// SPDX-License-Identifier: MIT
// ids.click - the router, with packets that carry a forbidden pattern dropped.
// PayloadMatch has no inline form: this pipeline runs on cpu and device.
require(route, ids);

in0 :: FromPort(eth0, ON_HELPER_LOSS pass);
in1 :: FromPort(eth1, ON_HELPER_LOSS pass);

c4 :: CheckIPHeader;
c6 :: CheckIP6Header;
pm :: PayloadMatch(PATTERNS "GET /forbidden", "X-Forbidden: \x01\x02");
rt :: IPLookup(FIB kernel);

in0 -> c4;
in1 -> c4;
c4 -> pm;
c4[1] -> c6 -> pm;
pm -> rt;
pm[1] -> Discard(REASON forbidden);
rt -> DecIPTTL -> DecIP6HLIM -> ToPort;
rt[1] -> ToKernel;
