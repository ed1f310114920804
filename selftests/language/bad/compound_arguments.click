// SPDX-License-Identifier: MIT
elementclass X { $a, KEY $b | input -> Discard($a$b) }
FromPort(a) -> X(1);
FromPort(b) -> X(1, KEY 2, 3);
FromPort(c) -> X(KEY 2);
