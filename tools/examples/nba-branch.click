// SPDX-License-Identifier: MIT
// nba-branch.click - of sound IPv4 packets 60 in 100 go back where they came from, the others are dropped.
// NBA's branch-test01.
FromPort(eth0) -> CheckIPHeader -> branch :: RandomSwitch(60, 40, SEED 1);

branch[0] -> EtherMirror(MODE echo) -> ToPort;
branch[1] -> Discard(REASON branch_b);
