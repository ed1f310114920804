// SPDX-License-Identifier: MIT
FromPort(eth0, ORDERING flow, ORDERING none) -> Discard;
