// SPDX-License-Identifier: MIT
elementclass A { input -> B -> output }
elementclass B { input -> A -> output }
FromPort(a) -> A -> Discard;
