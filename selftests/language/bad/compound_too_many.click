// SPDX-License-Identifier: MIT
elementclass A { input -> Counter -> Counter -> Counter -> Counter -> output }
elementclass B { input -> A -> A -> A -> A -> A -> A -> A -> A -> output }
elementclass C { input -> B -> B -> B -> B -> B -> B -> B -> B -> output }
FromPort(a) -> C -> C -> C -> C -> C -> Discard;
