// SPDX-License-Identifier: MIT
mycounter :: Counter;
FromPort(eth0) -> mycountr -> Discard;
FromPort(eth1) -> mycounter -> Discard;
