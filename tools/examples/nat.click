// SPDX-License-Identifier: MIT
// nat.click - a network behind eth0 is seen from eth1 as two addresses, with a web server forwarded.
// The pool must not be addresses of this machine: the neighbour behind eth1 routes it here.
require(route, nat);

in :: FromPort(eth0, ORDERING flow, ON_HELPER_LOSS drop);   // never untranslated by the kernel
out :: FromPort(eth1, ORDERING flow, ON_HELPER_LOSS drop);

nat :: NAT44(EXTERNAL 203.0.113.1-203.0.113.2,
             FORWARD tcp 203.0.113.1:80 192.168.0.2:8080,
             TIMEOUT udp 5min);
rt :: IPLookup(FIB kernel);

in -> ci :: CheckIPHeader -> di :: DecIPTTL -> nat -> rt -> ToPort;
out -> co :: CheckIPHeader -> do :: DecIPTTL -> [1]nat;
nat[1] -> rt;

ci[1] -> k :: ToKernel;                  // IPv6 and the like: the kernel's
co[1] -> k;
di[1] -> k;                              // expired: the kernel answers
do[1] -> k;
rt[1] -> k;                              // a neighbour that is not known yet
