// SPDX-License-Identifier: MIT
FromPort(eth0) -> Paint(256) -> Paint(-1) -> p :: Policer(10kpps, BURST 0) -> Discard;
p[1] -> Discard;
