// SPDX-License-Identifier: MIT
// nba-classifier.click - ARP requests, ARP replies and IPv4 each go their way; IPv4 is routed.
// NBA's comparison-classifier. Linux answers ARP, so that both kinds are its.
require(route);

FromPort(eth0) -> type :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800);

type[0] -> ToKernel;
type[1] -> ToKernel;
type[2] -> CheckIPHeader -> rt :: IPLookup(FIB kernel) -> DecIPTTL -> ToPort;
rt[1] -> ToKernel;
