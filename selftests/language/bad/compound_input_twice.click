// SPDX-License-Identifier: MIT
elementclass X { input -> a :: Counter -> output; input -> a }
FromPort(a) -> X -> Discard;
