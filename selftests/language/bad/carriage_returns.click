// SPDX-License-Identifier: MIT
FromPort(eth0) ->
  Countr -> Discard;
