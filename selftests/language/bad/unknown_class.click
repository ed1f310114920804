// SPDX-License-Identifier: MIT
c :: CheckIPHeadr;
FromPort(eth0) -> c -> Discard;
