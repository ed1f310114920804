// SPDX-License-Identifier: MIT
// nba-packet-size.click - small packets go back, middle ones are dropped, large ones leave by turns.
// NBA's test-pktsizeclassifier.
FromPort(eth0) -> size :: PacketSizeClassifier(128, 512);

size[0] -> EtherMirror(MODE echo) -> ToPort;
size[1] -> Discard(REASON middle);
size[2] -> turn :: RoundRobinSwitch(2);
turn[0] -> ToPort(eth0);
turn[1] -> ToPort(eth1);
