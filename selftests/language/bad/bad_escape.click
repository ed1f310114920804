// SPDX-License-Identifier: MIT
FromPort(a) -> Discard("\q", "\x4");
