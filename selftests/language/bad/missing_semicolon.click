// SPDX-License-Identifier: MIT
a :: FromPort(eth0)
b :: ToPort(eth1);
a -> b;
