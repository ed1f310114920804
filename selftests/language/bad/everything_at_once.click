// SPDX-License-Identifier: MIT
FromPort(eth0, ORDERING odd) -> Countr -> CheckIPHeader -> ToPort(a, b);
x -> ;
y :: CheckIPHeadr;
[0]a -> b;
d :: Discard(REASON);
FromPort(eth1) -> EtherRewrite(SRC 1) -> Discard;
