// SPDX-License-Identifier: MIT
c :: CheckIPHeader;
FromPort(eth0) -> c -> Discard;
c[2] -> Discard;
