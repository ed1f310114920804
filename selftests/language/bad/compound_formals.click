// SPDX-License-Identifier: MIT
elementclass X { $a, $a | input -> Discard }
elementclass Y { __REST__ $a, $b | input -> Discard }
elementclass Z { $a $b | input -> Discard }
elementclass W { $a | define($a 5); input -> Discard }
FromPort(a) -> Discard;
