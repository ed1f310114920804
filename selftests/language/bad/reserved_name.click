// SPDX-License-Identifier: MIT
a@1 :: Counter;
FromPort(a) -> Discard;
elementclass X { output :: Discard; input -> output }
