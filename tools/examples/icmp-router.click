// SPDX-License-Identifier: MIT
// icmp-router.click - a router that fragments and sends ICMP errors itself.
// What else is for the router (its own addresses, ARP, no route) stays with the kernel.
require(route);

in0 :: FromPort(eth0);
in1 :: FromPort(eth1);

c4 :: CheckIPHeader;
c6 :: CheckIP6Header;
rt :: IPLookup(FIB kernel);
ttl :: DecIPTTL;
hlim :: DecIP6HLIM;
frag :: IPFragmenter(MTU 1500);
late :: ICMPError(TYPE ttl_exceeded, PORTS eth0 eth1);
big :: ICMPError(TYPE fragmentation_needed, MTU 1500, PORTS eth0 eth1);
back :: ToPort;

in0 -> c4;
in1 -> c4;
c4 -> rt;
c4[1] -> c6 -> rt;
rt -> ttl -> hlim -> frag -> ToPort;
rt[1] -> ToKernel;
ttl[1] -> late;
hlim[1] -> late;
late -> back;
frag[1] -> big -> back;
