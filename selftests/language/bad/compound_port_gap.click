// SPDX-License-Identifier: MIT
elementclass X { input[1] -> [2]output }
FromPort(a) -> X -> Discard;
