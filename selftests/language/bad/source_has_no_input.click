// SPDX-License-Identifier: MIT
FromPort(eth0) -> FromPort(eth1) -> Discard;
