// SPDX-License-Identifier: MIT
// icmp_live.click - a router with links of 1280 bytes that answers by itself.
// Errors about hops come from addresses that nobody here has, so that they are not the kernel's.
require(route);

west :: FromPort(west, ORDERING flow, ON_HELPER_LOSS pass);
east :: FromPort(east, ORDERING flow, ON_HELPER_LOSS pass);

c4 :: CheckIPHeader;
c6 :: CheckIP6Header;
rt :: IPLookup(FIB kernel);
ttl :: DecIPTTL;
hlim :: DecIP6HLIM;
frag :: IPFragmenter(MTU 1280);
late :: ICMPError(TYPE ttl_exceeded, ADDRESS 192.0.2.77 2001:db8:77::1);
big :: ICMPError(TYPE fragmentation_needed, MTU 1280, PORTS west east);

west -> c4;
east -> c4;
c4 -> rt;
c4[1] -> c6 -> rt;
rt -> ttl -> hlim -> frag -> ToPort;
rt[1] -> ToKernel;
ttl[1] -> late;
hlim[1] -> late;
late -> ToPort;
frag[1] -> big -> ToPort;
