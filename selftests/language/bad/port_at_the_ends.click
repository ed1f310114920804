// SPDX-License-Identifier: MIT
FromPort(a) -> Counter[0];
[1]Counter -> Discard;
c :: Counter; FromPort(b) -> c[x] -> [70000]Discard;
