// SPDX-License-Identifier: MIT
c :: Counter;
FromPort(a) -> c(1) -> Discard;
