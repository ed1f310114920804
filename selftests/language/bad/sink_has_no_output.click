// SPDX-License-Identifier: MIT
FromPort(eth0) -> Discard -> ToKernel;
