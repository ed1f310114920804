// SPDX-License-Identifier: MIT
// nba-l2fwd-rr-batch.click - every batch of frames by the next port in turn.
// NBA's l2fwd-rr-batch in Fulcrum's elements.
in0 :: FromPort(eth0);
in1 :: FromPort(eth1);
turn :: EtherMirror(MODE round_robin_batch, PORTS eth0 eth1);

in0 -> turn;
in1 -> turn;
turn -> ToPort;
