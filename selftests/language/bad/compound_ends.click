// SPDX-License-Identifier: MIT
elementclass X { Counter -> input -> output -> Discard; input; output }
FromPort(a) -> X -> Discard;
input -> Discard;
