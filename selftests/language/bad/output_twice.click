// SPDX-License-Identifier: MIT
in :: FromPort(eth0) -> Discard;
in -> ToKernel;
