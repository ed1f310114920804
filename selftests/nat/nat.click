// SPDX-License-Identifier: MIT
// nat.click - the client's network behind two addresses that only the router knows of.
require(route, nat);

west :: FromPort(west, ORDERING flow, ON_HELPER_LOSS drop);
east :: FromPort(east, ORDERING flow, ON_HELPER_LOSS drop);

inside :: CheckIPHeader;
outside :: CheckIPHeader;
nat :: NAT44(EXTERNAL 203.0.113.1-203.0.113.2,
             FORWARD tcp 203.0.113.1:8080 10.1.0.2:7000,
             FILTERING endpoint-independent);
rt :: IPLookup(FIB kernel);

west -> inside -> d0 :: DecIPTTL -> nat -> rt -> ToPort;
east -> outside -> d1 :: DecIPTTL -> [1]nat;
nat[1] -> rt;
inside[1] -> k :: ToKernel;              // ARP's way is another one: this is IPv6
outside[1] -> k;
d0[1] -> k;                              // expired: the kernel answers
d1[1] -> k;
rt[1] -> k;                              // a neighbour that is not known yet
