// SPDX-License-Identifier: MIT
FromPort(eth0) -> c :: Counter;
