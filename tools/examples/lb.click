// SPDX-License-Identifier: MIT
// lb.click - a layer-4 load balancer on eth0: two services of 203.0.113.10, one of 2001:db8:f::10.
//
// A router leads these addresses to this machine, which must not have them itself:
//   ip route add blackhole 203.0.113.10      here, so that what no service takes ends here
// Each backend has them on lo, takes the outer header off, and answers its clients directly:
//   ip link add ipip0 type ipip local any remote any; ip link set ipip0 up
//   ip addr add 203.0.113.10/32 dev lo
require(lb);
require(route);

in :: FromPort(eth0, ORDERING flow, ON_HELPER_LOSS pass);

in -> c4 :: CheckIPHeader -> t4 :: DecIPTTL
  -> web :: LoadBalancer(VIP 203.0.113.10, PROTO tcp, PORT 443,
                         BACKEND "10.0.0.2 weight 3", BACKEND 10.0.0.3, BACKEND 10.0.0.4,
                         MODE ipip, SOURCE 10.0.0.1)
  -> rt :: IPLookup(FIB kernel) -> ToPort;

// What is not for one service goes on to the next.
web[1] -> dns :: LoadBalancer(VIP 203.0.113.10, PROTO udp, PORT 53, IDLE 30s,
                              BACKEND 10.0.0.5, BACKEND 10.0.0.6,
                              MODE gue, SOURCE 10.0.0.1)
  -> rt;
c4[1] -> c6 :: CheckIP6Header -> DecIP6HLIM
  -> web6 :: LoadBalancer(VIP 2001:db8:f::10, PROTO tcp, PORT 443,
                          BACKEND "10.0.0.2 weight 3", BACKEND 10.0.0.3, BACKEND fd00::4,
                          MODE ipip, SOURCE 10.0.0.1, SOURCE fd00::1)
  -> rt;

// All else is routed. Change backends while it runs:
//   fulcrum element call web add "10.0.0.7 weight 2"
//   fulcrum element call web remove 10.0.0.3
dns[1] -> rt;
web6[1] -> rt;
rt[1] -> ToKernel;
