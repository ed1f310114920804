// SPDX-License-Identifier: MIT
FromPort(eth0) -> [31m -> Discard();
