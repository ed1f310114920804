// SPDX-License-Identifier: MIT
define($rate 5, $place eth0);
FromPort($plce) -> Discard("$ratio");
