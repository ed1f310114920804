// SPDX-License-Identifier: MIT
FromPort(eth0) -> [1]Discard;
