// SPDX-License-Identifier: MIT
x :: { input -> CheckIPHeader -> output; input[1] -> [1]output };
FromPort(a) -> x -> Discard;
FromPort(b) -> [1]x;
