// SPDX-License-Identifier: MIT
FromPort(eth0) -> a :: Counter -> b :: CheckIPHeader -> a;
