// SPDX-License-Identifier: MIT
elementclass Wire { input -> output }
FromPort(a) -> x :: Wire -> y :: Wire -> x;
