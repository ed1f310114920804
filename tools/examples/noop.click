// SPDX-License-Identifier: MIT
// noop.click - a wire: what comes in on one port leaves by the other, unchanged.
// The empty pipeline that benches compare with.
FromPort(eth0) -> ToPort(eth1);
FromPort(eth1) -> ToPort(eth0);
