// SPDX-License-Identifier: MIT
elementclass X { input -> output }
elementclass X { input -> Counter -> output }
FromPort(a) -> X -> Discard;
