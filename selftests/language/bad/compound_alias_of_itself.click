// SPDX-License-Identifier: MIT
elementclass X Y;
elementclass Y X;
FromPort(a) -> X -> Discard;
