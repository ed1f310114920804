// SPDX-License-Identifier: MIT
FromPort(eth0) -> Zzzzzzzzzz(1) -> Discard;
