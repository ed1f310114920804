// SPDX-License-Identifier: MIT
FromPort(a) -> § -> Discard;
