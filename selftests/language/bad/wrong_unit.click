// SPDX-License-Identifier: MIT
FromPort(eth0) -> p :: Policer(10kpss, BURST 10) -> Discard;
p[1] -> Discard;
FromPort(eth1) -> m :: Policer(fast) -> Discard;
m[1] -> Discard;
