// SPDX-License-Identifier: MIT
elementclass X { $a | input -> Discard($a) || $a, $b | input -> Discard($a$b) }
FromPort(a) -> X;
FromPort(b) -> X(1, 2, 3);
