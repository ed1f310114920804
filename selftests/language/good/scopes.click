// SPDX-License-Identifier: MIT
// Names mean what they mean where they were written.
define($x outer);
elementclass Say { input -> Discard($x) }
elementclass Two {
  $x |
  elementclass Say { input -> c :: CheckIPHeader -> Discard($x); c[1] -> [0]output }
  input -> Say -> output
}
FromPort(in0) -> Two(inner) -> Say;
