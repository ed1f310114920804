// SPDX-License-Identifier: MIT
// Inputs that go straight to outputs, crossed, through two levels.
elementclass Cross { input -> [1]output; input[1] -> [0]output }
x :: { input -> c :: Cross -> output; input[1] -> [1]c[1] -> [1]output };
FromPort(in0) -> a :: CheckIPHeader -> x -> Counter -> Discard(other);
a[1] -> [1]x[1] -> Counter -> ToPort(out0);
