// SPDX-License-Identifier: MIT
x :: Counter;
FromPort(a) -> x -> Discard;
x :: Discard;
