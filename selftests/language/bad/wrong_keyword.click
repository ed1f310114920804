// SPDX-License-Identifier: MIT
FromPort(eth0, ORDRING flow) -> Discard;
