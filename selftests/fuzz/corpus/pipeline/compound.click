elementclass M { $a, KEY $k, __REST__ $r | input -> Discard($a, REASON $k) || input -> Counter -> output }
FromPort(x) -> a, b :: M;
