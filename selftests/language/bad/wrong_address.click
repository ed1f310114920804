// SPDX-License-Identifier: MIT
FromPort(eth0) -> EtherRewrite(SRC 2:0:0:0:0:1) -> Discard;
