// SPDX-License-Identifier: MIT
FromPort(a,,b) -> Discard;
