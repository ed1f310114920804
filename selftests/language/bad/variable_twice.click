// SPDX-License-Identifier: MIT
define($x 5, $x 6);
FromPort($x) -> Discard;
