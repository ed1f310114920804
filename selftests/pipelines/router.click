// SPDX-License-Identifier: MIT
// router.click - routes both families both ways; every tier can run it.
require(route);

west :: FromPort(west, ORDERING flow, ON_HELPER_LOSS inline);
east :: FromPort(east, ORDERING flow, ON_HELPER_LOSS inline);

c4 :: CheckIPHeader;
c6 :: CheckIP6Header;
rt :: IPLookup(FIB kernel);

west -> c4;
east -> c4;
c4 -> rt;
c4[1] -> c6 -> rt;                       // not IPv4: perhaps IPv6
rt -> DecIPTTL -> DecIP6HLIM -> ToPort;  // each lowers its own family
rt[1] -> ToKernel;
