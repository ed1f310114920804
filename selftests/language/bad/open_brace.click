// SPDX-License-Identifier: MIT
elementclass X {
  input -> Counter -> output;
FromPort(a) -> X -> Discard;
