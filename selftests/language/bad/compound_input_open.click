// SPDX-License-Identifier: MIT
elementclass Two { input -> output; input[1] -> [1]output }
FromPort(a) -> x :: Two -> Discard;
x[1] -> Discard;
