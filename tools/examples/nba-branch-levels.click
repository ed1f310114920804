// SPDX-License-Identifier: MIT
// nba-branch-levels.click - three branches one behind the other, whose ways meet again.
// NBA's l2fwd-echo-skewed-branch-lv3: what branches cost, and that batches are made whole
// again behind them. Each level has a seed of its own, else all would choose alike.
FromPort(eth0) -> one :: RandomSwitch(50, 50, SEED 1);
out :: EtherMirror(MODE echo) -> ToPort;

one[0] -> two :: RandomSwitch(50, 50, SEED 2);
one[1] -> out;
two[0] -> three :: RandomSwitch(50, 50, SEED 3);
two[1] -> out;
three[0] -> out;
three[1] -> out;
