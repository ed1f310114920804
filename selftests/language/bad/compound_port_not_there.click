// SPDX-License-Identifier: MIT
elementclass X { input -> output }
FromPort(a) -> [1]X[2] -> Discard;
FromPort(b) -> X -> Y;
elementclass Y { input -> Counter -> Discard }
Y -> Discard;
