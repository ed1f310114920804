// SPDX-License-Identifier: MIT
// nba-families.click - IPv4 and IPv6 routed by pipelines of their own.
// NBA's classifier-ipv4-ipv6. Frames of other types are dropped as "no_pattern".
require(route);

FromPort(eth0) -> family :: Classifier(12/0800, 12/86dd);

family[0] -> CheckIPHeader -> rt4 :: IPLookup(FIB kernel) -> DecIPTTL -> ToPort;
rt4[1] -> ToKernel;
family[1] -> CheckIP6Header -> rt6 :: IPLookup(FIB kernel) -> DecIP6HLIM -> ToPort;
rt6[1] -> ToKernel;
