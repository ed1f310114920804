// SPDX-License-Identifier: MIT
FromPort(a) -> Counter(1, 2) -> Discard;
