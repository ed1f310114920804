// SPDX-License-Identifier: MIT
FromPort(a) -> Discard; }
FromPort(b) -> Countr -> Discard;
