#!/bin/bash
# SPDX-License-Identifier: MIT
# test_icmp_live.sh - the kernel's own ping understands the errors and puts the fragments together.
#
#   client: ping ── west [icmp_live.click] east ── server
. "$(dirname "$0")/../lib.sh"
require_helper
require_program ping

# ping exits with 1 where nothing but errors came back: what it says is what counts.
says() {  # TEXT ping-option...
	local text=$1
	shift
	on client ping -n -c 3 -i 0.2 -W 1 "$@" >"$WORK/ping.out" 2>&1
	cat "$WORK/ping.out"
	grep -qiE "$text" "$WORK/ping.out"
}
# Counter `1` of element `2` is at least `3`.
counts() {
	local n
	n=$(ctl pipeline show --json | json "next(n['counters']['$1'] for n in d['nodes'] if n['name'] == '$2')")
	echo "$2: $n $1"
	[ "$n" -ge "$3" ]
}
comes_back() { on client ping -n -c 3 -i 0.2 -W 1 "$@"; }

make_topology
check "iproute2 attaches the program to both ports" attach
check "the helper gets ready" start_helper "$SELFTESTS/elements/icmp_live.click"
check "packets with hops left are routed" comes_back "$SERVER4"
check "IPv6 packets with hops left are routed" comes_back "$SERVER6"
# Before anyone learns an MTU, and cuts by itself.
check "one that may be cut arrives in fragments, both ways" comes_back -M dont -s 1400 "$SERVER4"
check "and it was the helper that cut them" counts fragments frag 12
check "the last hop is answered" says 'From 192.0.2.77 .*Time to live exceeded' -t 1 "$SERVER4"
check "the last IPv6 hop is answered" says 'From 2001:db8:77::1 .*Time exceeded: Hop limit' -t 1 "$SERVER6"
check "a packet too long that may not be cut is answered" \
	says 'From 10.1.0.1 .*(frag needed|message too long).*mtu ?= ?1280' -M 'do' -s 1400 "$SERVER4"
check "an IPv6 packet too long is answered" \
	says 'From fd00:1::1 .*Packet too big: mtu=1280' -M 'do' -s 1400 "$SERVER6"
check "the client has learnt the MTU" \
	grep -q 'mtu 1280' <(on client ip route get "$SERVER4"; on client ip -6 route get "$SERVER6")
check "none of the errors was held back" counts sent late 6
check "a clean stop" stop_helper
finish
