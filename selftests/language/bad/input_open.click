// SPDX-License-Identifier: MIT
FromPort(eth0) -> Discard;
c :: Counter -> Discard;
