// SPDX-License-Identifier: MIT
// router.click - IPv4 and IPv6 forwarding between two ports with the kernel's routes.
// Its every part has an inline form, so all tiers can run it.
require(route);

in0 :: FromPort(eth0, ORDERING flow, ON_HELPER_LOSS inline);
in1 :: FromPort(eth1, ORDERING flow, ON_HELPER_LOSS inline);

c4 :: CheckIPHeader;
c6 :: CheckIP6Header;
rt :: IPLookup(FIB kernel);

in0 -> c4;
in1 -> c4;
c4 -> rt;
c4[1] -> c6 -> rt;                       // not IPv4: perhaps IPv6
rt -> DecIPTTL -> DecIP6HLIM -> ToPort;  // each lowers its own family
rt[1] -> ToKernel;                       // no route, or for this machine
