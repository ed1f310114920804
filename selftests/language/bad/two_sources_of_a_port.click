// SPDX-License-Identifier: MIT
FromPort(eth0) -> Discard;
FromPort(eth0) -> Discard;
