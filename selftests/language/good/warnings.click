// SPDX-License-Identifier: MIT
// Good, with warnings: what is not used, what hides an element.
define($unused 1);
elementclass Unused { $a | input -> Nothing -> output }
elementclass Counter { $ignored | input -> output }
FromPort(in0) -> Counter(5) -> ToPort(out0);
