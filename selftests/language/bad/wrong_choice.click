// SPDX-License-Identifier: MIT
FromPort(eth0, ORDERING flows) -> Discard;
