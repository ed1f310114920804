// SPDX-License-Identifier: MIT
define(x 5);
define;
FromPort("${x") -> $x -> Discard;
