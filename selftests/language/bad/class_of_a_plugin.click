// SPDX-License-Identifier: MIT
FromPort(eth0) -> r :: IPLookup(FIB kernel) -> Discard;
