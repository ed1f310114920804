// SPDX-License-Identifier: MIT
FromPort -> Discard;
