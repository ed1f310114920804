// SPDX-License-Identifier: MIT
// A compound in a compound, and one without a name in a chain.
elementclass Check {
  input -> c4 :: CheckIPHeader -> output;
  c4[1] -> c6 :: CheckIP6Header -> output;
  c6[1] -> [1]output;
}
elementclass Hop {
  input -> check :: Check -> t4 :: DecIPTTL -> DecIP6HLIM -> [0]output;
  check[1] -> [1]output;
  t4[1] -> [1]output
}
FromPort(in0) -> hop :: Hop -> { input -> seen :: Counter -> output } -> ToPort(out0);
hop[1] -> last :: { input -> n :: Counter -> Discard(not_forwarded) };
