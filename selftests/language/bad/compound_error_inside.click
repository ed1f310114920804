// SPDX-License-Identifier: MIT
elementclass Inner { $mac | input -> e :: EtherRewrite(SRC $mac) -> output }
elementclass Outer { input -> i :: Inner(00:11) -> Countr -> output }
FromPort(eth0) -> o :: Outer -> Discard;
