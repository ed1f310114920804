// SPDX-License-Identifier: MIT
// nba-l2fwd-cross.click - ports in pairs: in by one, out by the other.
// NBA's l2fwd-echo-cross in Fulcrum's elements, for four ports.
in0 :: FromPort(eth0);
in1 :: FromPort(eth1);
in2 :: FromPort(eth2);
in3 :: FromPort(eth3);
across :: EtherMirror(MODE cross, PORTS eth0 eth1 eth2 eth3);

in0 -> across;
in1 -> across;
in2 -> across;
in3 -> across;
across -> ToPort;
