// SPDX-License-Identifier: MIT
// pipeline.click - routes by a file, drops by pattern: every kind of element that
// a device can run, and every verdict.
require(route, ids);

in :: FromPort(eth0);
c4 :: CheckIPHeader;
c6 :: CheckIP6Header;
pm :: PayloadMatch(PATTERNS "FORBIDDEN-PATTERN", "\x00\x01\x02evil\xff");
rt :: IPLookup(FIB routes.txt);

in -> c4 -> pm;
c4[1] -> c6 -> pm;
pm -> rt;
pm[1] -> Discard(REASON forbidden);
rt -> DecIPTTL -> DecIP6HLIM -> ToPort;
rt[1] -> ToKernel;
