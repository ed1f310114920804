// SPDX-License-Identifier: MIT
// nba-l2fwd-rr.click - every frame by the next port in turn; a flow does not stay on one.
// NBA's l2fwd-rr in Fulcrum's elements.
in0 :: FromPort(eth0);
in1 :: FromPort(eth1);
turn :: EtherMirror(MODE round_robin, PORTS eth0 eth1);

in0 -> turn;
in1 -> turn;
turn -> ToPort;
