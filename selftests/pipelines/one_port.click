// SPDX-License-Identifier: MIT
// one_port.click - a router that names only the port it receives on.
require(route);
in :: FromPort(west, ON_HELPER_LOSS inline);
in -> c4 :: CheckIPHeader -> rt4 :: IPLookup(FIB kernel) -> DecIPTTL -> out :: ToPort;
c4[1] -> CheckIP6Header -> rt6 :: IPLookup(FIB kernel) -> DecIP6HLIM -> out;
rt4[1] -> k :: ToKernel;
rt6[1] -> k;
