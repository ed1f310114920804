// SPDX-License-Identifier: MIT
// The form whose parameters fit; another name for a class; what is left over.
elementclass Sink { | input -> Discard || $why | input -> Discard($why) || REASON $r, __REST__ $more | input -> Discard($r, $more) }
elementclass End Sink;
FromPort(in0) -> c :: CheckIPHeader -> d :: CheckIP6Header -> End(REASON six);
c[1] -> Sink;
d[1] -> End(neither);
