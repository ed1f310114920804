// SPDX-License-Identifier: MIT
// nba-l2fwd-echo.click - every frame back out of the port it came in by, addresses changed over.
// NBA's l2fwd-echo in Fulcrum's elements.
in0 :: FromPort(eth0);
in1 :: FromPort(eth1);
back :: EtherMirror(MODE echo);

in0 -> back;
in1 -> back;
back -> ToPort;
