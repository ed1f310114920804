// SPDX-License-Identifier: MIT
a, b -> Discard;
