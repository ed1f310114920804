// SPDX-License-Identifier: MIT
elementclass X { input -> output }
FromPort(a) -> x :: X -> Discard;
x -> Discard;
