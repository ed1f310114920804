// SPDX-License-Identifier: MIT
	/* Grüße, 漢字 */	FromPort(eth0) -> Countr -> Discard;
